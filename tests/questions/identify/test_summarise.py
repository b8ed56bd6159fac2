from __future__ import annotations

import copy

import pytest

from attnaudit.errors import InputError
from attnaudit.questions.identify import QUESTION
from attnaudit.questions.identify.figures import figures
from attnaudit.questions.identify.settings import IdentifySettings
from attnaudit.questions.identify.summarise import NO_KEYS, NO_MAP, NONE_FOUND, summarise
from attnaudit.records.fields import check
from attnaudit.report.registry import find

LABELS = ("bad", "good")
STILL = {"tvd": 0.0, "flips": False}


def record(row, positions=10, **more):
    """A text in a model of two heads, of which the second is free."""
    gold = row % 2
    return {
        "row": row,
        "id": str(row),
        "gold": gold,
        "predicted": gold,
        "probs": [0.8, 0.2] if gold == 0 else [0.2, 0.8],
        "words": positions,
        "outside": 0.0,
        "positions": positions,
        "detached": {
            "values": [0, 4],
            "output": [1, 4],
            "fixed": [1.0, 0.0],
            "jsd": [0.0, 0.2],
        },
        "producible": {"directions": [3, 5], "freedom": [0, 1], "condition": [8.0, None]},
        "least_norm": {"alone": STILL, "together": STILL},
        "intervals": None,
        "others": None,
        **more,
    }


def ranged(row, **more):
    ranges = {
        "low": [[0.5, 0.25, 0.25, 0.0], [0.0, 0.0, 0.0, 0.1]],
        "high": [[0.5, 0.25, 0.25, 0.0], [0.5, 0.5, 0.5, 0.6]],
        "support": [3, 2],
        "read": {"alone": {"tvd": 0.0002, "flips": False}, "together": STILL},
    }
    return record(row, 4, intervals=ranges, **more)


def elsewhere(**changes):
    made = {"starts": 10, "same": [10, 4], "unsolved": [0, 5], "found": [0, 1]}
    return {**made, "jsd": [None, 0.3], "read": STILL, **changes}


def summary(records, **settings):
    return summarise(copy.deepcopy(records), IdentifySettings(**settings), LABELS)


def value(found, name):
    return found.metrics[f"identify.{name}"].value


def test_records_are_of_their_kind():
    for one in (record(0), ranged(1), record(2, others=elsewhere())):
        check(one, QUESTION.kind, None, None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"detached": {"values": [1, 2], "output": None, "fixed": [0.5], "jsd": [0.1, 0.1]}},
            "detached.fixed has 1 figures, not 2",
        ),
        (
            {"detached": {"values": [], "output": None, "fixed": [], "jsd": []}},
            "detached.values has no head",
        ),
        ({"producible": {"directions": [1], "freedom": [0], "condition": [2.0]}}, "1 figures"),
        ({"others": elsewhere(found=[0])}, "others.found has 1 figures, not 2"),
    ],
)
def test_records_that_contradict_themselves_are_refused(change, says):
    with pytest.raises(InputError, match=says):
        check(record(0, **change), QUESTION.kind, None, None)


def test_intervals_must_be_of_all_tokens_and_in_order():
    bad = ranged(0)
    bad["intervals"]["low"][1].pop()
    with pytest.raises(InputError, match=r"intervals.low has 3 figures, not 4"):
        check(bad, QUESTION.kind, None, None)
    bad = ranged(0)
    bad["intervals"]["low"][0][0] = 0.6
    with pytest.raises(InputError, match=r"0.6 is above 0.5"):
        check(bad, QUESTION.kind, None, None)


def test_figures_are_means_over_heads_and_texts():
    found = summary([record(row) for row in range(40)])
    expected = {
        "freedom.values.mean": 2.0,
        "freedom.output.mean": 2.5,
        "freedom.producible.mean": 0.5,
        "unique.detached": 0.5,
        "unique.producible": 0.5,
        "identified.mean": 0.5,
        "least_norm.jsd.mean": 0.1,
        "answers.tvd.mean": 0.0,
        "answers.flips": 0.0,
    }
    assert {name: value(found, name) for name in expected} == pytest.approx(expected)
    assert not [n for n in found.metrics if n.startswith(("identify.necessary", "identify.oth"))]
    assert value(summary([record(row) for row in range(40)], kept="output"), "unique.detached") == 0
    heads = list(found.rows("identify.heads"))
    assert [row["detached"] for row in heads] == [0, 4]
    assert [row["condition"] for row in heads] == [8.0, None]


def test_freedom_is_shown_by_length():
    texts = [record(row, 10 if row < 20 else 40) for row in range(40)]
    for one in texts[20:]:
        one["detached"] = {**one["detached"], "values": [8, 12]}
    found = summary(texts)
    rows = list(found.rows("identify.lengths"))
    assert [row["tokens"] for row in rows] == ["9 to 16", "33 to 48"]
    assert [row["texts"] for row in rows] == [20, 20]
    assert [row["length"] for row in rows] == [10.0, 40.0]
    assert [row["at most"] for row in rows] == [9.0, 39.0]
    assert [row["detached"] for row in rows] == [2.0, 10.0]
    assert [row["producible"] for row in rows] == [0.5, 0.5]
    assert [row["output kept"] for row in rows] == [2.5, 2.5]
    (drawn,) = figures({"identify": found}, LABELS)
    assert drawn.numbers.rows[1][:3] == pytest.approx([40.0, 10 / 39, 0.5 / 39])
    assert "length" in drawn.title
    assert figures({"identify": summary(texts[:20])}, LABELS) == []  # one length is no line


def test_the_longest_texts_are_a_bin_of_their_own():
    (row,) = summary([record(row, 600) for row in range(3)]).rows("identify.lengths")
    assert row["tokens"] == "more than 512"


def test_one_token_alone_draws_nothing_by_0():
    texts = [record(0, 1), record(1, 9), record(2, 20)]
    texts[0]["detached"] = {"values": [0, 0], "output": [0, 0], "fixed": [1, 1], "jsd": [0, 0]}
    found = summary(texts)
    rows = list(found.rows("identify.lengths"))
    assert [row["at most"] for row in rows] == [0.0, 8.0, 19.0]
    (drawn,) = figures({"identify": found}, LABELS)
    assert len(drawn.numbers.rows) == 2


def test_intervals_say_what_is_necessary():
    texts = [ranged(row) if row < 30 else record(row, 100) for row in range(40)]
    found = summary(texts, intervals=True)
    # Of the first head three tokens of four have weight whatever happens, of the second one.
    assert value(found, "necessary.mean") == pytest.approx(0.5)
    assert value(found, "dispensable.mean") == pytest.approx(0.5)
    assert value(found, "width.mean") == pytest.approx(0.25)
    assert value(found, "support.mean") == pytest.approx((3 + 2) / 8)
    metric = found.metrics["identify.width.mean"]
    assert (metric.n, metric.undefined) == (30, 10)
    (note,) = [n for n in found.notes if "left out of the intervals" in n]
    assert note.startswith("10 of 40 texts have more than 64 tokens")
    assert "linear programs" in note
    rows = list(found.rows("identify.lengths"))
    assert [row["necessary"] for row in rows] == [pytest.approx(0.5), None]
    read = {row["weights"]: row for row in found.rows("identify.answers")}
    assert read["ends of intervals, one head"]["largest TVD"] == pytest.approx(0.0002)
    assert read["ends of intervals, one head"]["texts"] == 30
    assert "others of a query, one head" not in read


def test_ends_that_are_not_known_are_left_out_and_counted():
    texts = [ranged(row) for row in range(5)]
    for one in texts:
        one["intervals"]["low"][0][0] = None
        one["intervals"]["high"][1][3] = None
    found = summary(texts, intervals=True)
    assert value(found, "necessary.mean") == pytest.approx((2 / 3 + 1 / 4) / 2)
    assert value(found, "width.mean") == pytest.approx(0.25)
    assert any(note.startswith("10 ends of intervals are unknown") for note in found.notes)


def test_intervals_of_long_texts_alone_say_why_there_are_none():
    found = summary([record(row, 100) for row in range(3)], intervals=True)
    assert "more tokens than --longest" in found.metrics["identify.necessary.mean"].reason


def test_other_queries():
    texts = [record(row, others=elsewhere()) for row in range(5)]
    found = summary(texts, starts=10)
    assert value(found, "others.share") == pytest.approx(0.5)
    assert value(found, "others.jsd.mean") == pytest.approx(0.3)
    assert value(found, "others.unsolved") == pytest.approx(0.25)
    none = elsewhere(found=[0, 0], jsd=[None, None], read=None)
    without = summary([record(row, others=none) for row in range(5)], starts=10)
    assert value(without, "others.share") == 0
    assert without.metrics["identify.others.jsd.mean"].reason == NONE_FOUND


def test_what_a_model_does_not_show_is_not_available():
    texts = [record(row, producible=None) for row in range(5)]
    for one in texts:
        one["detached"]["output"] = None
    found = summary(texts, starts=10)
    assert found.metrics["identify.freedom.producible.mean"].reason == NO_KEYS
    assert found.metrics["identify.unique.producible"].reason == NO_KEYS
    assert found.metrics["identify.others.share"].reason == NO_KEYS
    assert found.metrics["identify.freedom.output.mean"].reason == NO_MAP
    assert [note for note in found.notes if "not available" in note] == [
        f"Weights that a query makes: {NO_KEYS}."
    ]
    assert all(row["producible"] is None for row in found.rows("identify.lengths"))


def test_a_map_that_loses_directions_is_noted():
    (note,) = [n for n in summary([record(row) for row in range(3)]).notes if "loses" in n]
    assert note.startswith("The linear map behind 1 of 2 heads loses directions")


def test_answers_that_move_are_loud():
    texts = [record(row) for row in range(5)]
    for one in texts:
        one["least_norm"] = {"alone": {"tvd": 0.1, "flips": True}, "together": STILL}
    found = summary(texts)
    assert value(found, "answers.tvd.mean") == pytest.approx(0.1)
    assert value(found, "answers.flips") == 1
    assert any("move the answers of this model" in note for note in found.notes)
    assert not any("move the answers" in note for note in summary([record(0), record(1)]).notes)


def test_the_tolerance_is_said():
    notes = summary([record(0), record(1)], tolerance=1e-4).notes
    assert any(note.startswith("Singular values up to 0.0001 times") for note in notes)
    usual = summary([record(0), record(1)]).notes
    assert any("precision in which the model computes" in note for note in usual)


def test_every_figure_is_registered_and_inside_its_range():
    texts = [ranged(row, others=elsewhere()) for row in range(40)]
    for name, metric in summary(texts, intervals=True, starts=10).metrics.items():
        spec = find(name)
        assert spec is not None, name
        low, high = spec.range
        assert metric.value is not None
        assert low is None or low <= metric.value, name
        assert high is None or metric.value <= high, name


def test_records_of_two_models_are_not_one():
    other = record(1)
    other["detached"] = {"values": [0], "output": [0], "fixed": [1.0], "jsd": [0.0]}
    with pytest.raises(ValueError, match="differ in their heads"):
        summary([record(0), other])
