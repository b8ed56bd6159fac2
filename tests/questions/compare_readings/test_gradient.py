"""All scores of a real gradient, of a BERT and a BiLSTM, against what is worked out here anew."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from attnaudit.data.batch import collate
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.predict import Batches
from attnaudit.questions.compare_readings import QUESTION
from attnaudit.questions.erase.shares import BINS, top_size
from attnaudit.records.fields import check

WORDS = 6


class Worked:
    """A model's answers to one text and what becomes of it, without the audit's own code."""

    def __init__(self, model, vocabulary, boundaries, instance):
        self.model, self.instance = model, instance
        self.vocabulary, self.boundaries = vocabulary, boundaries
        self.batch = self.of(instance)
        self.encoded = model.encode(self.batch)
        self.alpha = model.attend(self.encoded)  # (1, H, T)
        whole = self.said(self.encoded, self.alpha)
        self.target, self.whole = int(whole.argmax()), whole

    def of(self, instance):
        return collate([instance], self.vocabulary, boundaries=self.boundaries)

    def said(self, encoded, alpha):
        return self.model.read(encoded, alpha.unsqueeze(1))[0, 0].softmax(-1)

    def gradients(self, step=1e-4):
        """|dp/ds| where s scales the embedding of a word and the attention stays, (words,)."""
        embedded, found = self.model.embed(self.batch), []
        for word in range(WORDS):
            ends = []
            for change in (step, -step):
                scale = 1 + change * (self.batch.words == word).unsqueeze(2)
                encoded = self.model.encode(self.batch, embedded * scale)
                ends.append(float(self.said(encoded, self.alpha)[self.target]))
            found.append(abs(ends[0] - ends[1]) / (2 * step))
        return np.array(found)

    def without(self, gone):
        """The answer to the text written without these words."""
        kept = [t for k, t in enumerate(self.instance.tokens) if k not in gone]
        shorter = replace(self.instance, tokens=tuple(kept), words=tuple(range(len(kept))))
        batch = self.of(shorter)
        encoded = self.model.encode(batch)
        return self.said(encoded, self.model.attend(encoded))

    def fall(self, gone):
        return float(self.whole[self.target] - self.without(gone)[self.target])

    def without_weight(self, gone):
        """How p falls if these words have no weight, and the others as much as all had."""
        content = self.batch.words[0] >= 0
        left = content & ~torch.isin(self.batch.words[0], torch.tensor(sorted(gone)))
        alpha = self.alpha.clone()
        mass = self.alpha[:, :, content].sum(2, keepdim=True)
        alpha[:, :, content] = 0
        alpha[:, :, left] = self.alpha[:, :, left]
        alpha[:, :, left] *= mass / self.alpha[:, :, left].sum(2, keepdim=True)
        return float(self.whole[self.target] - self.said(self.encoded, alpha)[self.target])


@pytest.fixture(params=["bert", "bilstm"])
def worked(request, tiny_bert, texts_of):
    (instance,) = texts_of((WORDS,), seed=3)
    if request.param == "bert":
        model, vocabulary = tiny_bert(torch.float64)
        return Worked(model, vocabulary, False, instance)
    vocabulary = Vocabulary.count([instance.tokens])
    recipe = Recipe(encoder="bilstm", embedding=6, hidden=8)
    model = build_classic(recipe, ModelSpec(vocabulary, ("bad", "good")), seed=0).double().eval()
    for weights in model.parameters():
        weights.data.mul_(3)  # so that words differ
    return Worked(model.requires_grad_(False), vocabulary, True, instance)


def test_scores_of_the_gradient(worked, made_of):
    device = torch.device("cpu")
    batches = Batches([worked.instance], worked.vocabulary, worked.boundaries, device, 4096)
    asked = {"readings": ("mean",), "measures": ("gradient", "leave_one_out", "random")}
    (record,) = made_of(worked.model, batches, operators=("delete",), **asked)
    check(record, QUESTION.kind, None, None)
    scores = worked.gradients()
    assert scores.max() > 3 * scores.min()
    assert record["scores"]["gradient"] == pytest.approx(scores / scores.sum(), abs=1e-5)

    order = [int(word) for word in np.argsort(-scores)]
    tops = [set(order[: top_size(share, WORDS)]) for share in BINS]
    for kind, gone in (
        ("comprehensiveness", tops),
        ("sufficiency", [set(range(WORDS)) - top for top in tops]),
    ):
        falls = [worked.fall(words) for words in gone]
        assert record["erased"]["delete"][kind]["gradient"] == pytest.approx(falls, abs=1e-6)
        assert max(map(abs, falls)) > 1e-3

    moved = [
        float((worked.without({word}) - worked.whole).abs().sum() / 2) for word in range(WORDS)
    ]
    assert record["tau"]["gradient"] == pytest.approx(kendalltau(scores, moved).statistic)

    path = record["path"]
    sets = {frozenset(some) for k in range(1, WORDS) for some in combinations(range(WORDS), k)}
    falls = {gone: worked.without_weight(gone) for gone in sets}
    areas = {
        each: np.mean([falls[frozenset(each[:k])] for k in range(1, WORDS)])
        for each in permutations(range(WORDS))
    }
    assert path["operator"] == "weight"
    assert path["aopc"]["gradient"] == pytest.approx(areas[tuple(order)], abs=1e-6)
    assert path["least"] == pytest.approx(min(areas.values()), abs=1e-6)
    assert path["greatest"] == pytest.approx(max(areas.values()), abs=1e-6)
    assert path["greatest"] - path["least"] > 1e-3
