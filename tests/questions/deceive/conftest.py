from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnaudit.data.batch import collate
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models.deception import Marked
from attnaudit.models.interface import AttentionModel, Encoded, Values, masked_softmax
from attnaudit.questions.answers import answer
from attnaudit.questions.deceive.make.uses import asker
from attnaudit.questions.deceive.words import Rule

PRONOUNS = ("he", "she")
FILLERS = tuple("abcdef")
PRONOUN = Rule(words=PRONOUNS)
TEXTS = 90
CPU = torch.device("cpu")


@dataclass(frozen=True)
class States(Encoded):
    states: Tensor  # (B, T): what attention averages
    scores: Tensor  # (B, T)


class Written(AttentionModel):
    """A model whose use of `he` and `she` is known, because it is written and not trained.

    `honest` attends to them and reads them. `deceiver` gives them no weight: all other words carry
    what they say. `blind` reads the other words alone, and attends to all alike. `idle` attends to
    the pronouns, and reads nothing there.
    """

    def __init__(self, kind, vocabulary, gain):
        super().__init__()
        self.kind, self.gain = kind, gain
        table = torch.zeros(len(vocabulary), 3)  # is a pronoun, what it says, what a filler says
        table[vocabulary.ids(PRONOUNS), 0] = 1.0
        table[vocabulary.ids(PRONOUNS), 1] = torch.tensor([-1.0, 1.0])
        table[vocabulary.ids(FILLERS), 2] = torch.linspace(-1, 1, len(FILLERS))
        self.embedding = nn.Embedding.from_pretrained(table)

    def encode(self, batch, embeddings=None):
        embedded = self.embed(batch) if embeddings is None else embeddings
        pronoun, says, filler = (each * batch.content for each in embedded.unbind(-1))
        states = {
            "honest": says,
            "deceiver": says.sum(1, keepdim=True).expand_as(says),
            "blind": filler,
            "idle": 0 * says,
        }[self.kind]
        towards = {"honest": 6.0, "deceiver": -40.0, "blind": 0.0, "idle": 6.0}[self.kind]
        return States(batch.content, batch.content, states, towards * pronoun)

    def attend(self, encoded):
        return masked_softmax(encoded.scores, encoded.attendable).unsqueeze(1)

    def read(self, encoded, alpha):
        z = self.gain * torch.einsum("bvht,bt->bv", alpha, encoded.states)
        return torch.stack([torch.zeros_like(z), z], dim=-1)

    def values(self, encoded):
        return Values(encoded.states[:, None, :, None], None)


def texts():
    random = np.random.default_rng(3)
    made = []
    for row in range(TEXTS):
        label, length = int(random.integers(2)), int(random.integers(4, 9))
        words = list(random.choice(FILLERS, length))
        words[random.integers(length)] = PRONOUNS[label]
        made.append(
            Instance(
                id=f"text {row}",
                row=row,
                line=row + 1,
                tokens=tuple(map(str, words)),
                words=tuple(range(length)),
                label=label,
                query=None,
                rationale=None,
                group=None,
                truncated=False,
            )
        )
    return made


@pytest.fixture(scope="session")
def written():
    """What `deceive` would record of a written model; `run` names it, `gain` is how sure it is."""
    instances = texts()
    vocabulary = Vocabulary.count(i.tokens for i in instances)
    words = [PRONOUN.finder()(i) for i in instances]
    pairs = zip(instances, words, strict=True)
    rest = [tuple(k for k in i.words if k not in own)[:1] for i, own in pairs]
    ask = asker(*(Marked.of(instances, each, CPU) for each in (words, rest)), 4096)

    def make(kind, run, gain=5.0):
        model = Written(kind, vocabulary, gain).eval()
        batch = collate(instances, vocabulary, boundaries=False)
        known = answer(model, batch, {i.row: i for i in instances})
        records = []
        for b, more in enumerate(ask(model, known)):
            record = {"run": {**run, "split": "test"}, **known.record(b), **known.shown_record(b)}
            if run.get("model") != "base":
                record |= {"jsd": 0.0, "tvd": 0.0}
            records.append(record | ({} if "removed" in run else more))
        return records

    return make
