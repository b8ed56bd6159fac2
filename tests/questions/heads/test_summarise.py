from __future__ import annotations

import copy

import numpy as np
import pytest

from attnaudit.errors import InputError
from attnaudit.questions.heads import QUESTION
from attnaudit.questions.heads.figures import figures
from attnaudit.questions.heads.pruning import NO_DEV
from attnaudit.questions.heads.settings import HeadsSettings
from attnaudit.questions.heads.summarise import summarise
from attnaudit.records.fields import check
from attnaudit.report.registry import find

LABELS = ("bad", "good")
SETTINGS = HeadsSettings(steps=2)
ORDERS = ("gradient", "gradient_code", "random0", "random1")


def record(row, gold, without=(0, 1), **more):
    """A text that is answered right; `without` are the classes without head 0.0 and head 1.0.

    Along every order the curve is right, right with the last head alone, and class 1 in the end;
    in the first random order it is class 1 from the first head on.
    """
    curve = [gold, gold, 1]
    return {
        "row": row,
        "id": str(row),
        "gold": gold,
        "predicted": gold,
        "probs": [0.8, 0.2] if gold == 0 else [0.2, 0.8],
        "words": 4,
        "outside": 0.0,
        "positions": 6,
        "ablated": {"tvd": [[0.5], [0.1]], "predicted": [[without[0]], [without[1]]]},
        "importance": {"paper": [[3.0], [1.0]], "code": [[12.0], [2.0]]},
        "patterns": {
            "confidence": [[0.2], [0.4]],
            "entropy": [[0.9], [0.7]],
            "special": [[0.0], [0.5]],
            "first": [[0.1], [0.3]],
        },
        "depth": {
            "cosine": [1.0, 0.75, 0.25],
            "l2": [1.0, 0.5, 0.0],
            "own": {
                "position": 2,
                "jacobian": [1.0, 0.6, 0.2],
                "proxy": [1.0, 0.5, 0.1],
                "largest": [True, True, row % 2 == 0],
            },
        },
        "knockout": {
            "special": {"tvd": 0.2, "flips": False},
            "first": {"tvd": 0.1, "flips": False},
            "top": {"tvd": 0.6, "flips": True},
            "random": {"tvd": 0.1, "flips": False} if row else None,
        },
        "pruned": {
            name: {"predicted": [gold, 1, 1] if name == "random0" else curve, "tvd": [0, 0.1, 0.5]}
            for name in ORDERS
        },
        **more,
    }


def dev(row):
    return {
        "row": row,
        "id": f"d{row}",
        "run": {"split": "dev", "stage": "importance"},
        "positions": 10,
        "importance": {"paper": [[0.3], [0.1]], "code": [[5.0], [2.0]]},
    }


def texts(count=60):
    """Of two classes; without head 0.0 every text is of class 1, without head 1.0 all is right."""
    return [record(row, row % 2, (1, row % 2)) for row in range(count)]


def summary(records=None, **settings):
    given = texts() if records is None else records
    return summarise(given, SETTINGS.model_copy(update=settings), LABELS)


def test_its_records_are_records():
    for one in (record(0, 0), dev(3)):
        check(one, QUESTION.kind, None, None)
    greedy = {**dev(1), "run": {"split": "dev", "stage": "greedy", "step": 2}}
    del greedy["positions"], greedy["importance"]
    check({**greedy, "losses": [0.5, None]}, QUESTION.kind, None, None)


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("ablated", "tvd"), [[0.5], []], "no map of layers and heads"),
        (("ablated", "predicted"), [[1, 0], [1, 0]], "no map of 2 layers of 1 heads"),
        (("patterns", "first"), [[0.1]], "no map of 2 layers of 1 heads"),
        (("importance", "paper"), [[0.1], [-0.1]], "importance.paper"),
        (("depth", "l2"), [1.0, 1.0], "depth has 2 figures, not 3"),
        (("depth", "own", "largest"), [True], "largest has 1 figures, not 3"),
        (("pruned", "random1", "predicted"), [1], "random1.predicted has 1 figures, not 3"),
        (("knockout", "top", "tvd"), 1.5, "knockout"),
    ],
)
def test_records_that_cannot_be_right_are_refused(where, value, says):
    wrong = copy.deepcopy(record(0, 0))
    inner = wrong
    for name in where[:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    with pytest.raises(InputError, match=says):
        check(wrong, QUESTION.kind, None, None)


def test_what_one_head_changes():
    found = summary()
    metrics = found.metrics
    assert metrics["heads.ablation.tvd.mean"].value == pytest.approx(0.3)
    assert metrics["heads.ablation.flips.mean"].value == pytest.approx(0.25)
    assert metrics["heads.ablation.needed"].value == 0.5
    first, second = found.rows("heads.ablation")
    assert (first["head"], second["head"]) == ("1.0", "2.0")
    # Of class 1 alone: F1 of 0 and of 2/3, so that macro-F1 falls from 1 to 1/3.
    rows = found.tables["heads.ablation"].rows
    assert rows[0][1:3] == [pytest.approx(0.5), pytest.approx(0.5, abs=0.01)]
    assert rows[0][4] == pytest.approx(0.5)
    assert rows[0][7] == pytest.approx(-2 / 3)
    assert rows[0][9] < -0.5
    assert rows[1][7] == 0
    assert rows[1][8] < 0 < rows[1][9]  # no text is moved, and yet others may be


def test_the_curve_beside_random_orders():
    found = summary([dev(0), *texts()])
    metrics = found.metrics
    assert metrics["heads.pruning.half.gradient"].value == pytest.approx(1.0)
    assert metrics["heads.pruning.half.random"].value == pytest.approx((1 + 1 / 3) / 2)
    assert metrics["heads.pruning.area.gradient"].value == pytest.approx(0.5 + 0.5 * 2 / 3)
    random = 0.5 * (1 + 2 / 3) / 2 + 0.5 * (2 / 3 + 1 / 3) / 2
    assert metrics["heads.pruning.area.random"].value == pytest.approx(random)
    gain = metrics["heads.pruning.gain"]
    assert gain.value == pytest.approx(0.5 + 1 / 3 - random)
    assert gain.ci_low > 0
    assert "heads.pruning.half.greedy" not in metrics  # the search was not made
    half = list(found.rows("heads.pruning"))[1]
    assert (half["removed"], half["paper"]) == (0.5, pytest.approx(1.0))
    assert half["lowest"] == pytest.approx(1 / 3)
    assert half["highest"] == pytest.approx(1.0)
    assert any("chosen on 1 dev texts, and are scored on 60" in note for note in found.notes)


def test_without_dev_there_is_no_curve_and_importance_is_of_the_audited_texts():
    found = summary([{**one, "pruned": {}} for one in texts()])
    assert found.metrics["heads.pruning.half.gradient"].reason == NO_DEV
    assert found.metrics["heads.pruning.gain"].value is None
    assert "heads.pruning" not in found.tables
    assert any("no pruning curve" in note for note in found.notes)
    first = next(iter(found.rows("heads.patterns")))
    assert (first["head"], first["paper"], first["code"]) == ("1.0", 3.0, 2.0)
    assert len(figures({"heads": found}, LABELS)) == 3


def test_importance_is_that_of_dev_where_there_is_one():
    found = summary([dev(0), dev(1), *texts()])
    last = list(found.rows("heads.patterns"))[1]
    assert (last["head"], last["paper"], last["code"]) == ("2.0", 0.1, 2.0)
    assert (last["TVD"], last["special"]) == (pytest.approx(0.1), pytest.approx(0.5))


def test_depth_is_read_where_the_last_layer_reads():
    found = summary()
    assert found.metrics["heads.identifiable.cosine"].value == pytest.approx(0.75)
    assert found.metrics["heads.identifiable.l2"].value == pytest.approx(0.5)
    assert found.metrics["heads.own.jacobian"].value == pytest.approx(0.6)
    assert found.metrics["heads.own.proxy"].value == pytest.approx(0.5)
    states = list(found.rows("heads.depth"))
    assert [row["state"] for row in states] == ["input", "after layer 1", "after layer 2"]
    assert [row["largest"] for row in states] == [1.0, 1.0, 0.5]


def test_what_was_left_out_has_no_figure():
    records = texts()
    for one in records:
        one["depth"]["own"] = None
    found = summary(records, draws=0)
    assert not [name for name in found.metrics if name.startswith("heads.own.")]
    assert "own" not in found.tables["heads.depth"].columns
    assert "heads.knockout.words" not in found.metrics  # no word was named
    asked = summary(texts(), words=("never",))
    assert "no text holds" in asked.metrics["heads.knockout.words"].reason


def test_knocked_out_positions():
    found = summary()
    assert found.metrics["heads.knockout.top"].value == pytest.approx(0.6)
    other = found.metrics["heads.knockout.random"]
    assert (other.n, other.undefined) == (59, 1)
    rows = list(found.rows("heads.knockout"))
    assert [row["hidden"] for row in rows] == [
        *("word of most attention", "random other word", "special tokens", "first token")
    ]
    assert rows[0]["texts"] == 60


def test_every_figure_is_registered_and_inside_its_range():
    for name, metric in summary([dev(0), *texts()]).metrics.items():
        spec = find(name)
        assert spec is not None, name
        low, high = spec.range
        if metric.value is not None:
            assert low <= metric.value <= high, name


def test_records_of_two_models_are_not_one():
    other = record(1, 1)
    other["pruned"] = {}
    with pytest.raises(ValueError, match="differ in their layers, heads or orders"):
        summary([record(0, 0), other])


def test_its_figures():
    drawn = figures({"heads": summary([dev(0), *texts()])}, LABELS)
    assert [one.title for one in drawn] == [
        "All heads",
        "Score while heads are removed",
        "What states are still about",
        "Positions hidden from all layers",
    ]
    heads, curve, states, _ = drawn
    assert len(heads.numbers.rows) == 2
    assert heads.numbers.rows[0] == ["layer 1, head 0", *map(pytest.approx, (0.5, 0.3, 0.2, 0))]
    assert "0 to 0.5" in heads.svg
    assert np.shape(curve.numbers.rows) == (3, 6)
    assert "random orders" in curve.svg
    assert states.numbers.columns[0] == "layers passed"
