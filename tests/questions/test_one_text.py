"""What the records of one text give, whole: readings, importances and scores."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import kendalltau

from attnaudit.questions import find_question
from attnaudit.questions.beside import Beside
from attnaudit.questions.one_text import OneText

WORDS = ["a", "b", "c", "d"]
LOO = [0.4, 0.1, 0.3, 0.2]


def record(attention: list[float] | None, **more: Any) -> dict[str, Any]:
    """A record of correlate; without attention it says why."""
    known = {"attention": [None] * 4, "no_reading": "a reason"}
    return {
        **{"row": 0, "id": "x", "gold": 0, "predicted": 1, "probs": [0.2, 0.8], "words": 4},
        **(known if attention is None else {"attention": attention}),
        "importance": {"leave_one_out": LOO, "gradient": [0.1, 0.2, 0.3, 0.4]},
        **more,
    }


def gathered(whole: bool = True, **records: dict[str, Any]) -> Any:
    """The heatmap of records by reading, of correlate."""
    found = OneText(whole)
    beside = find_question("correlate").beside
    assert beside is not None
    for reading, made in records.items():
        found.add(made, beside, WORDS, reading)
    return found.heatmap()


def test_readings_stand_in_the_order_of_the_list_and_importances_once() -> None:
    shown = gathered(
        head1=record([0.1, 0.2, 0.3, 0.4]),
        norms=record([0.7, 0.1, 0.1, 0.1]),
        mean=record([0.4, 0.3, 0.2, 0.1]),
    )
    assert [row.name for row in shown.rows] == [
        *("the model's attention", "reading norms", "reading head1"),
        *("leave one out", "gradient"),
    ]
    assert shown.rows[0].weights == [0.4, 0.3, 0.2, 0.1]
    assert shown.rows[1].probs is None
    assert shown.missing == []


def test_each_row_is_compared_with_the_attention_and_with_leave_one_out() -> None:
    signs = [-1, 1, 1, -1]
    shown = gathered(
        mean=record([0.4, 0.3, 0.2, 0.1]),
        contributions=record([0.1, 0.4, 0.2, 0.3], attention_signs=signs),
    )
    attention, other, loo, gradient = (dict(row.figures) for row in shown.rows)
    assert list(shown.rows[1].weights) == [-0.1, 0.4, 0.2, -0.3]
    expected = kendalltau([0.4, 0.3, 0.2, 0.1], [0.1, 0.4, 0.2, 0.3]).statistic
    assert other["tau with the attention"] == pytest.approx(expected)
    expected = kendalltau([0.1, 0.4, 0.2, 0.3], LOO).statistic
    assert other["tau with leave-one-out"] == pytest.approx(expected)
    expected = kendalltau([0.4, 0.3, 0.2, 0.1], LOO).statistic
    assert attention == {"tau with leave-one-out": pytest.approx(expected)}
    assert loo == {"tau with the attention": pytest.approx(expected)}
    assert gradient["tau with the attention"] == pytest.approx(-1)


def test_figures_of_the_attention_are_of_the_reading_that_they_were_made_by() -> None:
    class Told(Beside):
        def figures(self, record: Any) -> Any:
            return {"attention": [("score", record["probs"][0])], "gradient": [("score", 0.5)]}

    found = OneText(whole=True)
    correlate = find_question("correlate").beside
    assert correlate is not None
    found.add(record([0.4, 0.3, 0.2, 0.1]), correlate, WORDS, "mean")
    found.add(record([0.3, 0.3, 0.3, 0.1]), Told(), None, "value_zeroing")
    shown = found.heatmap()
    assert shown is not None
    scores = {row.name: dict(row.figures).get("score") for row in shown.rows}
    assert scores["the model's attention"] is None
    assert scores["reading value zeroing"] == 0.2
    assert scores["gradient"] == 0.5


def test_a_reading_that_the_text_lacks_is_named_with_the_reason() -> None:
    shown = gathered(flow=record(None), mean=record([0.4, 0.3, 0.2, 0.1]))
    assert shown.missing == ["No reading flow of this text: a reason."]
    assert [row.name for row in shown.rows][:2] == ["the model's attention", "leave one out"]
    assert gathered(whole=False, flow=record(None)) is None


def test_without_any_reading_the_words_and_the_importances_are_shown() -> None:
    shown = gathered(flow=record(None))
    assert shown.rows[0].weights == [0.0] * 4
    assert shown.rows[0].probs == [0.2, 0.8]
    assert shown.rows[0].figures == []
    assert shown.levels(shown.rows[0]) == [0] * 4
    assert [shown.moves(row) for row in shown.rows] == [[0] * 4] * 3
    (gradient,) = (row for row in shown.rows if row.name == "gradient")
    assert [what for what, _ in gradient.figures] == ["tau with leave-one-out"]
