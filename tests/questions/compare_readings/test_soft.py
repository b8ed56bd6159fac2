from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.questions.compare_readings.gathered import normalised
from attnaudit.questions.compare_readings.make.soft import evenly

# Uniform attention: z is the mean of the z of the words, and a word is two numbers.
TEXT = [(0.0, 4.0), (0.0, 1.0), (0.0, -2.0)]
ASKED = {"readings": ("mean",), "measures": ("gradient", "random"), "operators": ("delete",)}


def said(z):
    return 1 / (1 + math.exp(-z))


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([1, 1, 1, 1], [0.5] * 4),
        ([0, 0, 0, 0], [0.5] * 4),
        ([3, 2, 1, 0], [1, 2 / 3, 1 / 3, 0]),
        ([90, 2, 1, 1], [1, 0.5, 0.25, 0.25]),  # the first is kept whole, c is then 1/4
        ([5, 0, 0, 0], [1, 1 / 3, 1 / 3, 1 / 3]),
        ([5, 1e-3, 0, 0], [1, 1, 0, 0]),
    ],
)
def test_the_same_part_is_kept_of_all(scores, kept):
    found = evenly(np.array(scores, float), 0.5)
    assert found == pytest.approx(kept)
    assert found.mean() == pytest.approx(0.5)


def test_the_part_that_is_kept_never_falls_where_scores_rise():
    generator = np.random.default_rng(0)
    for n in range(1, 30):
        scores = generator.exponential(size=n) ** 4 * (generator.random(n) < 0.7)
        found = evenly(scores, 0.5)
        assert found.mean() == pytest.approx(0.5)
        assert found.min() >= 0
        assert found.max() <= 1 + 1e-12
        assert (np.diff(found[np.argsort(scores, kind="stable")]) >= -1e-12).all()


def test_the_mean_over_draws_in_closed_form(summing, made_of):
    """Each z is kept or 0, so p is a mean over eight texts; the draws come near it."""
    model, batches = summing([TEXT])
    (record,) = made_of(model, batches, draws=100, **ASKED)
    z = np.array([z for _, z in TEXT])
    assert record["predicted"] == 1
    whole = said(z.mean())
    found = record["soft"]
    assert found["nothing"] == pytest.approx(whole - 0.5)
    scores = np.array(record["scores"]["gradient"])
    stretched = (scores - scores.min()) / (scores.max() - scores.min())
    sets = np.array(np.meshgrid(*[[0, 1]] * 3)).reshape(3, 8).T  # (8, 3)
    for way, q in (("soft", stretched), ("even", evenly(scores, 0.5))):
        for kind, keep in (("sufficiency", q), ("comprehensiveness", 1 - q)):
            chance = np.where(sets == 1, keep, 1 - keep).prod(1)
            # A word whose embedding is 0 has the weight of the others here: e^0.
            expected = whole - chance @ [said((some * z).mean()) for some in sets]
            assert found[way][kind]["gradient"] == pytest.approx(expected, abs=0.06), (way, kind)
    assert found["soft"]["comprehensiveness"]["mean"] is None  # all of its weights are equal
    assert found["even"]["comprehensiveness"]["mean"] == pytest.approx(
        whole - np.mean([said((some * z).mean()) for some in sets]), abs=0.06
    )


def test_draws_are_of_the_text_and_not_of_its_batch(tiny_bert, texts_of, made_of):
    from attnaudit.models.predict import Batches

    model, vocabulary = tiny_bert(torch.float64)
    made = []
    for budget in (4096, 1):
        batches = Batches(texts_of((4, 7)), vocabulary, False, torch.device("cpu"), budget)
        made.append(made_of(model, batches, **ASKED))
    for one, other in zip(*made, strict=True):
        for way in ("soft", "even"):
            for kind, found in one["soft"][way].items():
                there = other["soft"][way][kind]
                for name, fall in found.items():
                    assert fall == pytest.approx(there[name], abs=1e-7)
                assert len(set(found.values())) == 3  # every ranking has a score of its own
    # Specials are kept: without any word the answer is that to embeddings of 0 between them.
    whole = collate(texts_of((4, 7))[:1], vocabulary, boundaries=False)
    bare = model.embed(whole) * ~whole.content.unsqueeze(2)
    encoded = model.encode(whole, bare)
    probs = model.read(encoded, model.attend(encoded).unsqueeze(1))[0, 0].softmax(-1)
    record = made[0][0]
    fall = record["probs"][record["predicted"]] - float(probs[record["predicted"]])
    assert record["soft"]["nothing"] == pytest.approx(fall, abs=1e-6)


def test_no_draws_no_scores(summing, made_of):
    (record,) = made_of(*summing([TEXT]), draws=0, **ASKED)
    assert record["soft"] is None


def test_normalised_scores_are_shares_of_the_fall_without_anything():
    assert normalised(0.1, 0.4, "comprehensiveness") == pytest.approx(0.25)
    assert normalised(0.1, 0.4, "sufficiency") == pytest.approx(0.75)
    assert normalised(-0.1, 0.4, "sufficiency") == 1.0
    assert normalised(0.9, 0.4, "comprehensiveness") == 1.0
