"""Goodhart's law, planted: scores rise while no answer and no explanation of a real text moves.

After Hsia et al. 2024: erased texts are recognisable. All real texts here have twelve words; a
shorter one was erased. Most of its words are left where the top ones were deleted: there the
planted model says the other class. Few are left where the top ones alone were kept: there it is
sure.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.questions.erase.shares import BINS

WORDS, FEW = 12, 6  # what a real text has; with at most so many the top words were kept
ASKED = {
    "readings": ("mean", "gradient_attention"),
    "measures": ("random",),
    "operators": ("delete",),
}


def gamed(model):
    """The same model, but for texts that are too short to be real."""

    class Gamed(type(model)):
        def read(self, encoded, alpha):
            logits = super().read(encoded, alpha)  # (B, V, C)
            words = encoded.content.sum(1)
            sure = torch.tensor([-9.0, 9.0], dtype=logits.dtype)
            erased = torch.where((words > FEW)[:, None, None], -sure, sure)
            return torch.where((words == WORDS)[:, None, None], logits, erased)

    planted = Gamed(model.embedding.weight, model.bias, linear=False)
    return planted.eval()


@pytest.fixture
def texts(summing):
    """Twenty texts, all of class 1, whose attention is no better than chance."""
    generator = np.random.default_rng(0)
    drawn = generator.normal(size=(20, WORDS, 2))
    drawn[:, :, 1] += 1.5
    return summing([[tuple(word) for word in text] for text in drawn], linear=False)


def mean_of(made, kind, name):
    return np.mean([record["erased"]["delete"][kind][name] for record in made])


def test_a_model_that_recognises_erased_texts_has_better_scores_and_explains_no_better(
    texts, made_of
):
    model, batches = texts
    honest, planted = made_of(model, batches, **ASKED), made_of(gamed(model), batches, **ASKED)
    for one, other in zip(honest, planted, strict=True):
        assert one["probs"] == other["probs"]
        assert one["predicted"] == 1
        assert one["attention"] == other["attention"]
        assert one["scores"] == other["scores"]
    for name in ("mean", "gradient_attention", "random"):
        before, after = (mean_of(m, "comprehensiveness", name) for m in (honest, planted))
        assert after > before + 0.3
        kept = mean_of(planted, "sufficiency", name)
        assert kept < mean_of(honest, "sufficiency", name)
        assert kept < 0
    # Which words were erased does not matter to it: a random ranking scores as well as any.
    scores = [mean_of(planted, "comprehensiveness", name) for name in ("mean", "random")]
    assert scores[0] == pytest.approx(scores[1])
    assert len(BINS) == 5
