from __future__ import annotations

import copy

import pytest

from attnaudit.errors import InputError
from attnaudit.questions.patterns import QUESTION
from attnaudit.questions.patterns.figures import figures
from attnaudit.questions.patterns.guides import GUIDES, KEPT
from attnaudit.questions.patterns.settings import PatternsSettings
from attnaudit.questions.patterns.summarise import ALL_LONG, NO_INFLUENCE, ONE_LAYER, summarise
from attnaudit.records.fields import check
from attnaudit.report.registry import find

LABELS = ("bad", "good")


def left(tvd):
    return {"tvd": tvd, "flips": tvd > 0.5, "odds": 2 - tvd, "kept": 0.25}


def pattern(places, along, through):
    return {
        "places": places,
        "heads": [[None, 1], [0, 1]],
        "along": along,
        "through": through,
    }


def record(row, **more):
    """A text of two words, for and against the answer; the second one has two pieces."""
    gold = row % 2
    own = pattern([[1, 0], [4, 0]], [1.0, -0.5], [0.5, 0.25])
    other = pattern([[1, 0], [0, 0]], [0.2, 0.1], [0.0, 0.0])
    made = {
        "row": row,
        "id": f"text {row}",
        "gold": gold,
        "predicted": gold,
        "probs": [0.8, 0.2] if gold == 0 else [0.2, 0.8],
        "words": 2,
        "outside": 0.0,
        "positions": 5,
        "read": 0,
        "units": [None, 0, 1, 1, None],
        "influence": [2.0, -1.0],
        "completeness": 0.1,
        "gap": 1e-7,
        "pairs": 1e-8,
        "patterns": {name: own if name == "influence" else other for name in GUIDES},
        "ablated": {name: {"positions": left(0.1), "heads": left(0.6)} for name in KEPT},
    }
    return made | more


def long(row):
    names = ("read", "units", "influence", "completeness", "gap", "pairs", "patterns", "ablated")
    return record(row, **dict.fromkeys(names), positions=99)


def summary(records, **settings):
    return summarise(copy.deepcopy(records), PatternsSettings(**settings), LABELS)


def value(found, name):
    return found.metrics[f"patterns.{name}"].value


def test_figures_are_means_over_texts():
    found = summary([record(row) for row in range(40)])
    expected = {
        # (1 + .5) / 3 along the places; (.5 - .25) / 3 through heads: the second word's is negative
        "share.influence.positions": 0.5,
        "share.influence.heads": 0.25 / 3,
        "share.attention_greedy.positions": 0.1 / 3,
        "overlap.attention_best": 0.5,
        "past.mean": 0.25,
        "ablation.influence.positions.tvd": 0.1,
        "ablation.negative.heads.flips": 1.0,
        "ablation.nothing.positions.flips": 0.0,
        "conservation.mean": 1e-7,
        "pairs.mean": 1e-8,
        "completeness.mean": 0.1,
    }
    assert {name: value(found, name) for name in expected} == pytest.approx(expected)
    for name in found.metrics:
        find(name)
    where = list(found.rows("patterns.layers"))
    assert [row["own"] for row in where] == [0.5, 0.0]
    assert [row["special"] for row in where] == [0.5, 0.0]
    assert [row["read"] for row in where] == [0.0, 1.0]
    assert [row["past"] for row in where] == [0.5, 0.0]
    assert len(list(found.rows("patterns.kept"))) == 14


def test_long_texts_are_counted_with_the_reason():
    found = summary([record(0), long(1), record(2)])
    assert found.metrics["patterns.past.mean"].undefined == 1
    (note,) = [note for note in found.notes if "--longest" in note]
    assert note.startswith("1 of 3 texts have more than 64 tokens")
    assert "square of the length" in note
    alone = summary([long(0), long(1)])
    assert alone.metrics["patterns.share.random.heads"].reason == ALL_LONG
    assert list(alone.rows("patterns.text")) == []
    assert figures({"patterns": alone}, LABELS) == []


def test_figures_that_cannot_be_given_say_why():
    one = pattern([[0], [0]], [0.0, 0.0], [0.0, 0.0]) | {"heads": [[0], [1]]}
    flat = record(0, influence=[0.0, 0.0], patterns=dict.fromkeys(GUIDES, one))
    found = summary([flat])
    assert found.metrics["patterns.overlap.random"].reason == ONE_LAYER
    assert found.metrics["patterns.share.influence.heads"].reason == NO_INFLUENCE
    assert figures({"patterns": found}, LABELS) == []


def test_conservation_that_does_not_hold_is_said():
    assert not [note for note in summary([record(0)]).notes if "Conservation" in note]
    (note,) = [n for n in summary([record(0), record(1, gap=0.02)]).notes if "Conservation" in n]
    assert note.startswith("Conservation holds to 0.02 only")


def test_the_text_that_is_shown_is_the_first_with_patterns():
    found = summary([record(2), long(0), record(1)])
    first, second = found.rows("patterns.text")
    assert first == {
        "word": "word 1",
        "at": "1",
        "influence": 2.0,
        "along": 0.5,
        "heads": 0.25,
        "path": "1 0h1",
    }
    assert (second["at"], second["along"], second["path"]) == ("2 3", 0.5, "4h0 0h1")
    assert "text 1" in found.tables["patterns.text"].notes[0]
    words = summary([record(0, tokens=["fine", "<b>"])])
    assert [row["word"] for row in words.rows("patterns.text")] == ["fine", "<b>"]


def test_the_figure_shows_the_words_and_where_their_patterns_go():
    (drawn,) = figures({"patterns": summary([record(0, tokens=["fine", "dull"])])}, LABELS)
    assert [row[0] for row in drawn.numbers.rows] == ["fine", "dull"]
    assert [row[2] for row in drawn.numbers.rows] == ["1 1 0", "2 4 0"]
    for word in ("fine", "dull", "[ ] read"):
        assert word in drawn.svg
    (without,) = figures({"patterns": summary([record(0)])}, LABELS)
    assert "word 1" in without.svg


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"influence": [1.0]}, "influence has 1 figures, not 2"),
        ({"units": [None]}, "units has 1 figures, not 5"),
        ({"units": None}, "without patterns, units or ablated"),
        ({"patterns": {"influence": record(0)["patterns"]["influence"]}}, "in place of"),
        ({"tokens": ["one"]}, "tokens has 1 figures, not 2"),
        (
            {"patterns": dict.fromkeys(GUIDES, pattern([[9, 0], [4, 0]], [1.0, 1.0], [1.0, 1.0]))},
            "goes beyond 5 positions",
        ),
        (
            {"patterns": dict.fromkeys(GUIDES, pattern([[1, 0], [4]], [1.0, 1.0], [1.0, 1.0]))},
            "patterns.influence.places has 1 figures, not 2",
        ),
    ],
)
def test_records_that_contradict_themselves_are_refused(change, says):
    check(record(0), QUESTION.kind, None, None)
    with pytest.raises(InputError, match=says):
        check(record(0, **change), QUESTION.kind, None, None)
