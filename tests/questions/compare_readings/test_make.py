from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES
from attnaudit.models.lengths import Texts
from attnaudit.models.predict import Batches
from attnaudit.questions.compare_readings import QUESTION
from attnaudit.questions.compare_readings.cost import SLOW, cost
from attnaudit.questions.compare_readings.make import settle
from attnaudit.questions.compare_readings.settings import CompareReadingsSettings
from attnaudit.questions.erase.shares import BINS, KINDS, top_size
from attnaudit.readings import READINGS
from attnaudit.records.fields import check

LEVEL, CPU = 0.2, torch.device("cpu")
FEW = {"readings": ("mean",), "measures": ("random",)}
# Texts of (log weight, z) a word; the attention ranks the words as they stand.
WORDS = [(3.0, 4.0), (2.0, 1.0), (1.0, 2.0), (0.5, -3.0), (0.0, 0.5)]


def said(z):
    return 1 / (1 + math.exp(-z))


def answered(text, bias=LEVEL):
    """How probable class 1 is: z is the attention's mean of the z of the words."""
    if not text:
        return said(bias)
    weights = np.exp([w for w, _ in text])
    return said(float(weights @ [z for _, z in text] / weights.sum()) + bias)


@pytest.fixture
def toy(summing):
    return summing([WORDS], bias=LEVEL)


def without(gone, words=WORDS):
    return [word for i, word in enumerate(words) if i not in gone]


def test_top_words_erased_in_closed_form(toy, made_of):
    """In this model a deleted word and one without weight come to the same."""
    (record,) = made_of(*toy, **FEW)
    assert list(record["erased"]) == ["delete", "weight"]  # it has no mask token
    whole, n = answered(WORDS), len(WORDS)
    tops = [set(range(top_size(share, n))) for share in BINS]
    for by_kind in record["erased"].values():
        gone = [whole - answered(without(top)) for top in tops]
        alone = [whole - answered(without(set(range(n)) - top)) for top in tops]
        assert by_kind["comprehensiveness"]["mean"] == pytest.approx(gone)
        assert by_kind["sufficiency"]["mean"] == pytest.approx(alone)


def test_masked_words_in_closed_form(summing, made_of):
    """The mask token is a word of another text: of weight 0.5 and z -1."""
    model, batches = summing([WORDS, [(0.5, -1.0)] * 2], bias=LEVEL)
    model.mask_token = int(batches.vocabulary.ids(["t1-0"])[0])
    record, _ = made_of(model, batches, operators=("mask",), **FEW)
    whole = answered(WORDS)
    first = [(0.5, -1.0), *WORDS[1:]]
    alone = [WORDS[0], *[(0.5, -1.0)] * 4]
    erased = record["erased"]["mask"]
    assert erased["comprehensiveness"]["mean"][0] == pytest.approx(whole - answered(first))
    assert erased["sufficiency"]["mean"][0] == pytest.approx(whole - answered(alone))


@pytest.mark.parametrize("path", ["weight", "delete"])
def test_a_path_lies_between_the_ends_of_all_orders(toy, made_of, path):
    (record,) = made_of(*toy, path=path, **FEW)
    n, whole = len(WORDS), answered(WORDS)
    scores = {
        order: np.mean([whole - answered(without(order[:k])) for k in range(1, n)])
        for order in permutations(range(n))
    }
    found = record["path"]
    assert found["exact"] is True
    assert found["least"] == pytest.approx(min(scores.values()))
    assert found["greatest"] == pytest.approx(max(scores.values()))
    assert found["aopc"]["mean"] == pytest.approx(scores[0, 1, 2, 3, 4])
    gone = next((k for k in range(1, n) if answered(without(range(k))) < 0.5), None)
    assert gone == 3  # of 5 words
    assert found["flip_fraction"]["mean"] == pytest.approx(3 / 5)


def test_a_search_takes_over_where_texts_are_long(summing, made_of):
    generator = np.random.default_rng(3)
    text = [tuple(x) for x in generator.normal(size=(14, 2)) * (0.3, 3)]
    model, batches = summing([text, text[:9]], bias=LEVEL)
    long, short = made_of(model, batches, beam=3, **FEW)
    assert [r["path"]["exact"] for r in (long, short)] == [False, True]
    wide, _ = made_of(model, batches, beam=60, **FEW)
    assert wide["path"]["least"] <= long["path"]["least"] + 1e-7
    assert wide["path"]["greatest"] >= long["path"]["greatest"] - 1e-7
    far, near = made_of(model, batches, longest=12, **FEW)
    assert far["path"]["least"] is far["path"]["exact"] is None
    assert near["path"] == short["path"]


def test_an_answer_that_nothing_moves(summing, made_of):
    model, batches = summing([[(0.0, 1.0), (1.0, 1.0)]])
    (two,) = made_of(model, batches, **FEW)
    # Without any word z is 0: both classes are as probable, and the first one is named.
    assert two["path"]["flip_fraction"]["mean"] == 1.0
    assert two["path"]["aopc"]["mean"] == pytest.approx(0, abs=1e-7)
    assert two["path"]["least"] == pytest.approx(two["path"]["greatest"], abs=1e-7)


def test_of_one_word_nothing_is_erased_and_there_is_no_order(bert, made_of):
    model, batches = bert((1,))
    (one,) = made_of(model, batches, **FEW)
    assert one["path"]["aopc"] == {"mean": None, "random": None}
    assert one["path"]["least"] is None
    for by_kind in one["erased"].values():
        assert by_kind["comprehensiveness"]["mean"] == pytest.approx([0.0] * len(BINS), abs=1e-9)
    assert one["tau"]["mean"] is None


def test_tau_and_plausibility(summing, made_of):
    model, batches = summing([WORDS, WORDS], rationales=[(1, 0, 1, 0, 0), None])
    asked = {"readings": ("mean",), "measures": ("leave_one_out", "random")}
    marked, plain = made_of(model, batches, **asked)
    whole = answered(WORDS, 0)
    moved = [abs(whole - answered(without({i}), 0)) for i in range(5)]
    ranks = np.argsort(np.argsort(moved))  # the attention ranks them 4, 3, 2, 1, 0
    pairs = [np.sign(ranks[i] - ranks[j]) for i in range(5) for j in range(i + 1, 5)]
    assert marked["tau"]["mean"] == pytest.approx(np.mean(pairs))
    assert "leave_one_out" not in marked["tau"]
    assert marked["plausibility"]["mean"]["token_f1"] == pytest.approx(0.5)  # words 0 and 1
    assert plain["plausibility"] is None


def test_scores_are_shares_with_the_signs_of_their_direction(toy, made_of):
    (record,) = made_of(*toy, readings=("mean", "gradient_attention"), measures=("random",))
    weights = np.exp([w for w, _ in WORDS])
    assert record["scores"]["mean"] == pytest.approx(weights / weights.sum())
    assert record["attention"] == pytest.approx(record["scores"]["mean"])
    signs = record["signs"]
    assert "mean" not in signs
    assert signs["gradient_attention"] == [1, 1, 1, -1, 1]
    assert sum(record["scores"]["gradient_attention"]) == pytest.approx(1)


@pytest.fixture
def bert(tiny_bert, texts_of):
    """A random BERT of 3 heads; it has a mask token."""

    def make(lengths=(1, 4, 7), budget=4096):
        model, vocabulary = tiny_bert(torch.float64)
        return model, Batches(texts_of(lengths), vocabulary, False, CPU, budget)

    return make


def test_a_bert_gives_every_reading_in_records_of_their_kind(bert, made_of):
    model, batches = bert()
    made = made_of(model, batches, readings=("all", "head1"))
    for record in made:
        check(record, QUESTION.kind, None, None)
        assert set(record["erased"]) == {"delete", "mask"}
        assert not {"text", "tokens"} & record.keys()
    expected = {name for name in READINGS if "{" not in name} - {"column_mass"}
    assert set(made[2]["scores"]) == {*expected, "head1", "leave_one_out", "gradient", "random"}
    (words,) = made_of(*bert((4,)), text=True, **FEW)
    assert len(words["tokens"]) == 4


def test_records_do_not_depend_on_the_batch(bert, made_of):
    asked = {"operators": ("delete", "mask", "weight"), "readings": ("mean", "rollout")}
    whole, apart = (made_of(*bert(budget=b), **asked) for b in (4096, 1))
    for one, other in zip(whole, apart, strict=True):
        for operator in asked["operators"]:
            for kind in KINDS:
                for name, figures in one["erased"][operator][kind].items():
                    there = other["erased"][operator][kind][name]
                    assert figures == pytest.approx(there, abs=1e-7)
        for name, score in one["path"]["aopc"].items():
            assert score == pytest.approx(other["path"]["aopc"][name], abs=1e-7)


def test_a_text_that_a_reading_is_undefined_for_is_skipped_by_that_reading(bert, made_of):
    model, batches = bert((4, 12))
    from attnaudit.readings import find_reading
    from attnaudit.readings.reading import Reading

    rollout = find_reading("rollout")
    real = Reading.compute

    def compute(reading, seen):
        shown = real(reading, seen)
        if reading.name == rollout.name:
            shown[seen.batch.mask.sum(1) > 10] = torch.nan
        return shown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reading, "compute", compute)
        short, long = made_of(model, batches, readings=("mean", "rollout"), measures=("random",))
    assert short["undefined"] == {}
    assert long["undefined"] == {"rollout": "numbers that are not finite"}
    assert list(long["scores"]) == ["mean", "random"]
    check(long, QUESTION.kind, None, None)


def test_what_a_model_gets_where_nothing_is_asked(toy, bert):
    settled = settle(CompareReadingsSettings(), bert()[0])
    assert "attention_attribution" not in settled.readings
    assert settled.not_read["attention_attribution"] == SLOW
    assert "where many rows are audited" in settled.not_read["column_mass"]
    assert settled.measures == ("leave_one_out", "gradient", "random") or set(settled.measures) == {
        "leave_one_out",
        "gradient",
        "random",
    }
    assert settle(settled, bert()[0]) == settled
    plain = settle(CompareReadingsSettings(), toy[0])
    assert "rollout" not in plain.readings
    assert "this model shows one" in plain.not_read["rollout"]
    every = settle(CompareReadingsSettings(measures=tuple(IMPORTANCES)), toy[0])
    assert "leave_one_out_mask" not in every.measures


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"readings": ("rollout",)}, "--reading rollout: it follows the attention of all layers"),
        ({"readings": ("head4",)}, "--reading head4: .* no head 4"),
        ({"operators": ("mask",)}, "--operator mask: the model has no mask token"),
        ({"path": "mask"}, "--path mask: the model has no mask token"),
    ],
)
def test_what_a_model_cannot_give_is_refused(toy, asked, says):
    model, _ = toy
    model.head_count = 1
    with pytest.raises(InputError, match=says):
        settle(CompareReadingsSettings(**asked), model)


def test_random_is_always_there(toy):
    settled = settle(CompareReadingsSettings(measures=("gradient",)), toy[0])
    assert set(settled.measures) == {"gradient", "random"}


def test_the_cost_is_the_most(bert, made_of, monkeypatch):
    model, batches = bert()
    settled = settle(CompareReadingsSettings(**FEW), model)
    expected = cost(model, Texts.of(batches), settled)
    calls = []
    encode = type(model).encode
    monkeypatch.setattr(
        type(model),
        "encode",
        lambda self, batch, *rest: (calls.append(len(batch)), encode(self, batch, *rest))[1],
    )
    made_of(model, batches, **FEW)
    assert 0 < sum(calls) <= expected.forward
    assert not expected.exact


def test_a_text_of_one_word_without_specials_has_no_leave_one_out(summing, made_of):
    """Nothing is left when its only word is deleted, so there is no answer to compare with."""
    model, batches = summing([[(0.0, 2.0)], WORDS])
    one, more = made_of(model, batches, readings=("mean",), measures=("leave_one_out", "random"))
    assert one["undefined"] == {"leave_one_out": "undefined scores"}
    assert one["tau"] == {"mean": None, "random": None}
    assert more["undefined"] == {}
    for record in (one, more):
        check(record, QUESTION.kind, None, None)
