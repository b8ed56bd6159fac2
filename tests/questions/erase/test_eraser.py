from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch

from attnaudit.measures.sample import Sample
from attnaudit.questions.erase.deletion_tables import (
    deletion_columns,
    deletion_figures,
    deletion_tables,
)
from attnaudit.questions.erase.make.deletions import deletions
from attnaudit.questions.erase.shares import BINS, KINDS, top_size

BUDGET = 4096


def said(z):
    return 1 / (1 + math.exp(-z))


def orders_of(batches, *orders):
    return {"attention": [np.array(order) for order in orders]}


@pytest.mark.parametrize(
    ("share", "words", "k"),
    [
        (1, 3, 1),
        (50, 2, 1),
        (50, 3, 2),
        (20, 5, 1),
        (20, 6, 2),
        (1, 700, 7),
        (1, 701, 8),
        (1, 1, 1),
    ],
)
def test_shares_are_rounded_up_exactly(share, words, k):
    assert top_size(share, words) == k


def test_closed_form_of_a_mean_of_words(summing, known_of):
    """Uniform attention over 6 words: z is their mean."""
    z = [6.0, -3.0, 1.0, 0.5, 2.0, -0.5]
    model, batches = summing([[(0.0, x) for x in z]], bias=0.2)
    ((found),) = deletions(
        model, known_of(model, batches), orders_of(batches, [0, 2, 1, 3, 4, 5]), BUDGET
    )
    p = said(np.mean(z) + 0.2)
    tops = {1: [0], 5: [0], 10: [0], 20: [0, 2], 50: [0, 1, 2]}
    for i, share in enumerate(BINS):
        top = [z[w] for w in tops[share]]
        rest = [z[w] for w in range(6) if w not in tops[share]]
        gone = found["comprehensiveness"]["attention"][i]
        assert gone == pytest.approx(p - said(np.mean(rest) + 0.2))
        assert found["sufficiency"]["attention"][i] == pytest.approx(p - said(np.mean(top) + 0.2))


def test_the_predicted_class_is_explained(summing, known_of):
    model, batches = summing([[(0.0, -6.0), (0.0, 1.0)], [(0.0, 6.0), (0.0, -1.0)]])
    negative, positive = deletions(
        model, known_of(model, batches), orders_of(batches, [0, 1], [0, 1]), BUDGET
    )
    assert negative == positive  # the mirror image
    assert positive["comprehensiveness"]["attention"][0] == pytest.approx(said(2.5) - said(-1))


def test_all_words_are_sufficient_and_a_text_is_never_emptied(summing, known_of, monkeypatch):
    module = importlib.import_module("attnaudit.questions.erase.make.deletions")
    monkeypatch.setattr(module, "BINS", (1, 100))
    model, batches = summing([[(0.0, 2.0)], [(0.0, 2.0), (0.0, 3.0)]])
    one, two = deletions(model, known_of(model, batches), orders_of(batches, [0], [1, 0]), BUDGET)
    assert one == {kind: {"attention": pytest.approx([0, 0], abs=1e-9)} for kind in KINDS}
    expected = [said(2.5) - said(3), 0]
    assert two["sufficiency"]["attention"] == pytest.approx(expected, abs=1e-9)
    assert two["comprehensiveness"]["attention"] == [pytest.approx(said(2.5) - said(2))] * 2


def test_words_are_deleted_whole_pieces_alone(summing, known_of):
    text = [(0.0, 4.0), (0.0, -1.0), (0.0, 1.0)]
    model, batches = summing([text], words=[(0, 0, 1)])
    (whole,) = deletions(model, known_of(model, batches), orders_of(batches, [0, 1]), BUDGET)
    assert whole["comprehensiveness"]["attention"][0] == pytest.approx(said(4 / 3) - said(1))
    assert whole["sufficiency"]["attention"][0] == pytest.approx(said(4 / 3) - said(1.5))
    model, batches = summing([text], words=[(0, 0, 1)], pieces=True)
    (piece,) = deletions(model, known_of(model, batches), orders_of(batches, [0, 1, 2]), BUDGET)
    assert piece["comprehensiveness"]["attention"][0] == pytest.approx(said(4 / 3) - said(0))


def test_each_text_is_answered_once_and_within_the_budget(model, batches, known_of, monkeypatch):
    known = known_of(model, batches())
    chance = np.random.default_rng(0)
    counts = known.batch.word_counts.tolist()
    orders = {name: [chance.permutation(n) for n in counts] for name in "abc"}
    sizes, seen = [], []
    encode = model.encode

    def spy(batch, embeddings=None):
        sizes.append(batch.ids.numel())
        seen.extend(tuple(row) for row in batch.ids.tolist())
        return encode(batch, embeddings)

    monkeypatch.setattr(model, "encode", spy)
    budget = 40
    small = deletions(model, known, orders, budget)
    assert max(sizes) <= budget
    assert len(sizes) > 3
    twice = len(seen)
    one = deletions(model, known, {**orders, "d": orders["a"]}, 10**6)
    assert len(seen) == 2 * twice  # a ranking that is known already costs nothing
    for r, s in zip(one, small, strict=True):
        for kind in KINDS:
            assert r[kind]["d"] == r[kind]["a"]
            for name in "abc":
                assert r[kind][name] == pytest.approx(s[kind][name], abs=1e-6)


def test_deletion_is_what_a_user_would_do_by_hand(model, batches, known_of, instances):
    """The kept words as a text of their own, in the frame that the model wants."""
    known = known_of(model, batches())
    order = np.array([2, 0, 7, 1, 3, 4, 5, 6])
    orders = {"x": [np.arange(n) for n in known.batch.word_counts.tolist()]}
    orders["x"][2] = order
    found = deletions(model, known, orders, BUDGET)[2]
    single = known.batch.select(torch.tensor([2]))
    kept = torch.zeros(1, single.ids.shape[1], dtype=torch.bool)
    kept[0, 1 + order[:4]] = True  # after <SOS>
    target = int(known.probs[2].argmax())
    alone = model(single.keep(kept)).softmax(-1)[0, target]
    expected = float(known.probs[2, target] - alone)
    assert found["sufficiency"]["x"][-1] == pytest.approx(expected, abs=1e-6)


def test_columns_and_tables_of_known_records():
    names = ("attention", "random")
    rows = [
        {
            "comprehensiveness": {"attention": [0.1, 0.2, 0.3, 0.4, 0.5], "random": [0.1] * 5},
            "sufficiency": {"attention": [0.5] * 5, "random": [None, 0.1, 0.1, 0.1, 0.1]},
        },
        {
            "comprehensiveness": {"attention": [0.5] * 5, "random": [0.3] * 5},
            "sufficiency": {"attention": [-0.1] * 5, "random": [0.2] * 5},
        },
    ]
    columns, by_bin = deletion_columns([deletion_figures(r, names) for r in rows], names)
    assert columns["erase.comprehensiveness.attention"] == pytest.approx([0.3, 0.5])
    assert columns["erase.sufficiency.attention"] == pytest.approx([0.5, -0.1])
    assert columns["erase.sufficiency.random"] == pytest.approx([np.nan, 0.2], nan_ok=True)
    metrics = Sample(2).means(columns, lambda _: (-1.0, 1.0))
    tables = deletion_tables(metrics, by_bin, names)
    main = {row[0]: row[1:] for row in tables["erase.deletions"].rows}
    assert main["attention"][0] == pytest.approx(0.4)
    assert main["attention"][3] == pytest.approx(0.2)
    detail = tables["erase.deletions_detail"]
    assert detail.rows[0][:2] == ["comprehensiveness", "attention"]
    assert detail.rows[0][2:] == pytest.approx([0.3, 0.35, 0.4, 0.45, 0.5])
    assert detail.rows[3][2:] == pytest.approx([0.2, 0.15, 0.15, 0.15, 0.15])
