from __future__ import annotations

import copy

import pytest

from attnaudit.errors import InputError
from attnaudit.questions.ladder import QUESTION
from attnaudit.questions.ladder.adversaries import AdversaryFile
from attnaudit.questions.ladder.figures import figures
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.questions.ladder.summarise import MISSING, summarise
from attnaudit.records.fields import check

LABELS = ("bad", "good")
GIVEN = AdversaryFile(path="a.jsonl", sha256="0" * 64)


def rung(jsd, **more):
    return {"jsd": jsd, "tvd": 0.01 * (jsd > 0), "outside": 0.25, "found": jsd > 0} | more


def record(row, bound="lower", **more):
    made = {"row": row, "id": f"t{row}", "gold": row % 2, "predicted": row % 2}
    made |= {"probs": [0.9, 0.1] if row % 2 == 0 else [0.1, 0.9], "words": 4, "outside": 0.25}
    made |= {"cap": 0.5, "radii": {"words": 0.1, "state": 0.2}, "query": rung(0.2)}
    made |= {"weights": rung(0.3, upper=0.3 if bound == "exact" else 0.4, bound=bound)}
    made |= {"state": rung(0.1), "word_embeddings": rung(0.0), "parameters": None, **more}
    check(made, QUESTION.kind, None, None)
    return made


def summary(records, **settings):
    return summarise(copy.deepcopy(records), LadderSettings(**settings), LABELS)


def value(found, name):
    return found.metrics[f"ladder.{name}"].value


def test_figures_are_means_over_texts():
    found = summary([record(0), record(1, query=rung(0.4), word_embeddings=rung(0.1))])
    assert value(found, "query.jsd.mean") == pytest.approx(0.3)
    assert value(found, "query.relative_mean") == pytest.approx(0.6)
    assert value(found, "word_embeddings.found") == 0.5
    assert value(found, "word_embeddings.tvd.mean") == pytest.approx(0.005)
    assert value(found, "state.outside.mean") == pytest.approx(0.25)
    assert value(found, "weights.upper.mean") == pytest.approx(0.4)
    assert value(found, "weights.exact") == 0
    assert not [name for name in found.metrics if "parameters" in name]  # which were not asked for


def test_every_rung_is_named_for_what_it_is():
    rows = [(r["what may change"], r["JSD is"]) for r in summary([record(0)]).rows("ladder.rungs")]
    assert rows[:2] == [("1 the weights", "lower bound"), ("1 the weights", "upper bound")]
    assert {named for _, named in rows[2:]} == {"lower bound"}
    assert len(rows) == 5
    (exact, *_) = summary([record(0, "exact")]).rows("ladder.rungs")
    assert exact["JSD is"] == "exact"
    (some, most, *_) = summary([record(0, "exact"), record(1)]).rows("ladder.rungs")
    assert some["JSD is"] == "exact in 50% of texts, else lower bound"
    assert most["JSD"] == pytest.approx(0.35)


def test_a_rung_that_a_model_does_not_have_is_left_out_with_the_reason():
    found = summary([record(k, state=None, radii={"words": 0.1, "state": None}) for k in range(3)])
    assert found.metrics["ladder.state.jsd.mean"].reason == MISSING["state"]
    assert not [r for r in found.rows("ladder.rungs") if r["what may change"].startswith("3")]
    (note,) = [note for note in found.notes if note.startswith("Left out")]
    assert "no state of an audited row" in note


def test_parameters_come_from_the_records_that_were_given():
    trained = {"jsd": 0.2, "tvd": 0.004, "found": True}
    found = summary([record(0, parameters=trained), record(1)], adversaries=GIVEN)
    assert value(found, "parameters.jsd.mean") == 0.2
    assert found.metrics["ladder.parameters.jsd.mean"].n == 1
    none = summary([record(0)], adversaries=GIVEN)
    assert none.metrics["ladder.parameters.jsd.mean"].reason == MISSING["parameters"]


def test_the_sizes_of_the_balls_are_said_to_be_ours():
    (note,) = [note for note in summary([record(0)]).notes if "nearest neighbour" in note]
    assert "0.1 (L2): 0.1 times" in note
    assert "0.2 on average" in note
    assert "this tool's own" in note


def test_the_figure_has_a_row_for_each_rung():
    pytest.importorskip("matplotlib")
    (drawn,) = figures({"ladder": summary([record(k) for k in range(4)])}, LABELS)
    assert "1 weights: upper bound" in str(drawn.numbers)
    assert "4 embeddings: lower bound" in drawn.svg


@pytest.mark.parametrize(
    "broken",
    [
        {"query": rung(0.45)},
        {"state": rung(0.55)},
        {"weights": rung(0.45, upper=0.4, bound="lower")},
    ],
)
def test_records_in_which_a_rung_exceeds_its_bound_are_refused(broken):
    with pytest.raises(InputError, match="above"):
        record(0, **broken)
