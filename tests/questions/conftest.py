from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnaudit.data.batch import collate
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import AttentionModel, Encoded, ModelSpec, masked_softmax
from attnaudit.models.predict import Batches
from attnaudit.questions import find_question
from attnaudit.questions.answers import answer
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions

TEXTS = (
    (("a", "good", "film"), (0, 1, 2)),
    (("un", "bear", "able", "from", "start"), (0, 0, 0, 1, 2)),
    (("bad",) * 4 + ("but", "short", "at", "least"), tuple(range(8))),
    (("good", "fun"), (0, 1)),
)


@pytest.fixture
def instances():
    return [
        Instance(
            id=f"text {row}",
            row=row,
            line=row + 1,
            tokens=tokens,
            words=words,
            label=row % 2,
            query=None,
            rationale=None,
            group="g" if row == 2 else None,
            truncated=False,
        )
        for row, (tokens, words) in enumerate(TEXTS)
    ]


@pytest.fixture
def vocabulary(instances):
    return Vocabulary.count(i.tokens for i in instances)


@pytest.fixture
def batches(instances, vocabulary):
    def make(budget=16, **kwargs):
        return Batches(instances, vocabulary, True, torch.device("cpu"), budget, **kwargs)

    return make


@pytest.fixture
def model(vocabulary):
    recipe = Recipe(encoder="bilstm", embedding=6, hidden=8)
    spec = ModelSpec(vocabulary, ("negative", "positive"))
    return build_classic(recipe, spec, seed=0).eval().requires_grad_(False)


@pytest.fixture(name="run")
def run_fixture():
    """Run an audit as the command line does."""

    def run(model, data, demands=None, observer=None, settings=None, audit="correlate", **job):
        settings = settings or CorrelateSettings(seed=job.get("seed", 0))
        return run_questions(
            [(find_question(audit), settings)],
            Job(model=str(model), data=data, **job),
            demands,
            observer or Silent(),
        )

    return run


@dataclass(frozen=True)
class Read(Encoded):
    values: Tensor


class Sum(AttentionModel):
    """Attends by the first numbers of a word, one a head; z is the sum of weight times the last."""

    def __init__(self, table: Tensor, bias: float, linear: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(table)
        self.bias = bias
        if not linear:
            self.token_logits = None

    def encode(self, batch, embeddings=None):
        embedded = self.embed(batch) if embeddings is None else embeddings
        return Read(batch.content, batch.content, embedded)

    def attend(self, encoded):
        scores = encoded.values[:, :, :-1].transpose(1, 2)  # (B, H, T)
        return masked_softmax(scores, encoded.attendable.unsqueeze(1))

    def read(self, encoded, alpha):
        z = torch.einsum("bvht,bt->bv", alpha, encoded.values[:, :, -1]) + self.bias
        return torch.stack([torch.zeros_like(z), z], dim=-1)

    def token_logits(self, encoded):
        z = encoded.values[:, :, -1:]
        bias = torch.tensor([0.0, self.bias], dtype=z.dtype)
        return torch.cat([torch.zeros_like(z), z], dim=-1), bias


@pytest.fixture
def summing():
    """A `Sum` of texts of (log weights..., z) a token, with its batches; and what it answers."""

    def make(texts, bias=0.0, linear=True, words=None, rationales=None, budget=4096, pieces=False):
        tokens = [[f"t{i}-{k}" for k in range(len(text))] for i, text in enumerate(texts)]
        vocabulary = Vocabulary.count(tokens)
        table = torch.zeros(len(vocabulary), len(texts[0][0]), dtype=torch.float64)
        for names, text in zip(tokens, texts, strict=True):
            table[vocabulary.ids(names)] = torch.tensor(text, dtype=torch.float64)
        made = [
            Instance(
                id=f"text {row}",
                row=row,
                line=row + 1,
                tokens=tuple(names),
                words=tuple(words[row] if words else range(len(names))),
                label=0,
                query=None,
                rationale=rationales[row] if rationales else None,
                group=None,
                truncated=False,
            )
            for row, names in enumerate(tokens)
        ]
        model = Sum(table, bias, linear).eval()
        return model, Batches(made, vocabulary, False, torch.device("cpu"), budget, pieces)

    return make


@pytest.fixture
def known_of():
    """What a model answers to all texts, as one batch in the order of their rows."""

    def make(model, batches):
        whole = collate(
            batches.instances,
            batches.vocabulary,
            boundaries=batches.boundaries,
            pieces=batches.pieces,
        )
        return answer(model, whole, {i.row: i for i in batches.instances})

    return make


class Readout:
    """Linear in two heads' weights, or (bent) the tanh of that; what a batch's rows answer."""

    def __init__(self, values, bent):
        self.values, self.bent = values, bent  # (B, H, T, C)

    def read(self, encoded, alpha):
        logits = torch.einsum("bvht,bhtc->bvc", alpha, self.values)
        return 3 * logits.tanh() if self.bent else logits


def _drawn(seed, lengths=(3, 6, 9), heads=1, classes=2, bent=False, width=10, spread=2.0):
    """Texts of several lengths; position 0 of each is attended to and is no content."""
    generator = np.random.default_rng(seed)
    attendable = np.zeros((len(lengths), width), bool)
    alpha = np.zeros((len(lengths), heads, width))
    values = np.full((len(lengths), heads, width, classes), 50.0)
    for b, n in enumerate(lengths):
        attendable[b, : n + 1] = True
        alpha[b, :, : n + 1] = generator.dirichlet(np.full(n + 1, 0.6), heads)
        values[b, :, : n + 1] = spread * generator.normal(size=(heads, n + 1, classes))
    content = attendable.copy()
    content[:, 0] = False
    encoded = Encoded(torch.from_numpy(attendable), torch.from_numpy(content))
    return Detached(Readout(torch.from_numpy(values), bent), encoded, torch.from_numpy(alpha))


@pytest.fixture(scope="session")
def drawn():
    """Random weights of random heads, as a `Detached` of a readout in closed form."""
    return _drawn
