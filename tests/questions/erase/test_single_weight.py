from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.stats import spearmanr

from attnaudit.measures.divergences import jsd
from attnaudit.measures.sample import Sample
from attnaudit.questions.erase.make.single_weight import single_weights
from attnaudit.questions.erase.metrics import SPECS
from attnaudit.questions.erase.single_tables import (
    mcnemar,
    single_columns,
    single_gaps,
    single_statistics,
    single_tables,
)
from attnaudit.records.metric import range_of

LOG = math.log


def said(z):
    p = 1 / (1 + math.exp(-z))
    return [1 - p, p]


def single(gap=0.5, top=0.2, other=0.1, flips=(False, False)):
    return {
        "gap": gap,
        "jsd": {"top": top, "random": other},
        "flip": {"top": flips[0], "random": flips[1]},
    }


@pytest.mark.parametrize("linear", [True, False])
def test_two_items_in_closed_form(summing, known_of, linear):
    """Weights 3/4 and 1/4: the random other one is the second."""
    model, batches = summing([[(LOG(3), 2.0), (0.0, -4.0)]], bias=0.1, linear=linear)
    (found,) = single_weights(model, known_of(model, batches), seed=0)
    own = said(0.75 * 2 - 0.25 * 4 + 0.1)
    assert found["gap"] == pytest.approx(0.5)
    assert found["jsd"]["top"] == pytest.approx(float(jsd(said(-3.9), own)), rel=1e-6)
    assert found["jsd"]["random"] == pytest.approx(float(jsd(said(2.1), own)), rel=1e-6)
    assert found["flip"] == {"top": True, "random": False}


def test_the_other_item_is_any_but_the_top(summing, known_of):
    model, batches = summing([[(0.0, 1.0), (LOG(2), 1.0), (LOG(5), 1.0)]])
    known = known_of(model, batches)
    gaps = [single_weights(model, known, seed)[0]["gap"] for seed in range(200)]
    seen = {round(gap, 6): gaps.count(gap) for gap in gaps}
    assert seen.keys() == {round(3 / 8, 6), round(4 / 8, 6)}
    assert min(seen.values()) > 70  # 100 expected, standard deviation 7


def test_a_tie_at_the_top_is_broken_at_random(summing, known_of):
    model, batches = summing([[(0.0, 5.0), (0.0, -1.0)]])
    known = known_of(model, batches)
    tops = [single_weights(model, known, seed)[0]["flip"]["top"] for seed in range(100)]
    assert 30 < sum(tops) < 70


def test_weights_are_those_of_all_heads_renormalised_over_the_content(summing, known_of):
    texts = [[(LOG(3), 0.0, 1.0), (0.0, LOG(2), 1.0)]]
    model, batches = summing(texts, linear=False)
    (found,) = single_weights(model, known_of(model, batches), seed=0)
    mean = (3 / 4 + 1 / 3) / 2
    assert found["gap"] == pytest.approx(2 * mean - 1)


def test_mass_outside_the_content_is_no_part_of_the_gap(summing, known_of, monkeypatch):
    model, batches = summing([[(0.0, 1.0), (LOG(3), 1.0), (LOG(4), -1.0)]])
    monkeypatch.setattr(model, "encode", without_the_first(model.encode))
    (found,) = single_weights(model, known_of(model, batches), seed=0)
    assert found["gap"] == pytest.approx(4 / 7 - 3 / 7)
    own, without = said(1 / 8 + 3 / 8 - 4 / 8), said(1 / 8 + 7 / 8)
    assert found["jsd"]["top"] == pytest.approx(float(jsd(own, without)), rel=1e-6)


def without_the_first(encode):
    """`encode`, with the first token attended to and no part of the content."""

    def encoded(batch, embeddings=None):
        found = encode(batch, embeddings)
        content = found.content.clone()
        content[:, 0] = False
        return replace(found, content=content)

    return encoded


def test_a_single_item_has_no_other(summing, known_of):
    model, batches = summing([[(0.0, 1.0)], [(0.0, 1.0), (1.0, 1.0)]])
    alone, pair = single_weights(model, known_of(model, batches), seed=0)
    assert alone is None
    columns = single_columns([alone, pair])
    for values in columns.values():
        assert math.isnan(values[0])
    assert columns["erase.single.flips.neither"][1] == 1


def test_columns_of_known_records():
    rows = [
        single(0.5, 0.3, 0.1, (True, False)),
        single(0.3, 0.1, 0.2, (False, True)),
        single(0.41, 0.1, 0.2, (True, True)),
        single(0.4, 0.1, 0.1),
        None,
    ]
    means = {k: np.nanmean(v) for k, v in single_columns(rows).items()}
    assert means == pytest.approx(
        {
            "erase.single.jsd_difference.mean": 0.0,
            "erase.single.negative": 2 / 4,
            "erase.single.negative_large_gap": 1 / 2,
            "erase.single.flips.both": 1 / 4,
            "erase.single.flips.top_only": 1 / 4,
            "erase.single.flips.random_only": 1 / 4,
            "erase.single.flips.neither": 1 / 4,
        }
    )


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(1, 8, 2 * (1 + 9) / 2**9), (8, 1, 2 * (1 + 9) / 2**9), (5, 5, 1), (0, 6, 2 / 2**6)],
)
def test_mcnemar_by_hand(first, second, p):
    assert mcnemar(first, second) == pytest.approx(p)


def test_statistics_of_known_records():
    chance = np.random.default_rng(0)
    rows = [single(g, t, 0.2) for g, t in chance.random((40, 2)).round(1).tolist()]
    for i in range(9):
        rows[i]["flip"]["top" if i else "random"] = True
    singles = [*rows, None]
    found = single_statistics(single_gaps(singles), single_columns(singles), Sample(41))
    expected = spearmanr([r["gap"] for r in rows], [r["jsd"]["top"] for r in rows]).statistic
    assert found["erase.single.spearman"].value == pytest.approx(expected)
    p = found["erase.single.mcnemar_p"]
    assert (p.value, p.n, p.undefined) == (pytest.approx(2 * (1 + 9) / 2**9), 40, 1)


def test_statistics_that_cannot_be_given_say_why():
    rows = [single(), single()]
    columns, sample = single_columns(rows), Sample(2)
    found = single_statistics(single_gaps(rows), columns, sample)
    assert found["erase.single.mcnemar_p"].value is None
    assert "no decision flips" in found["erase.single.mcnemar_p"].reason
    assert found["erase.single.spearman"].value is None
    means = sample.means(columns, partial(range_of, SPECS))
    tables = single_tables({**means, **found})
    assert tables["erase.single_flips"].rows == [
        ["top: flips", 0.0, 0.0],
        ["top: stays", 0.0, 1.0],
    ]
    assert "no exact McNemar test" in tables["erase.single_flips"].notes[0]
