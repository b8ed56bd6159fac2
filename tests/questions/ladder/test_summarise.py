from __future__ import annotations

import copy

import pytest

from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_file
from attnaudit.questions.ladder import QUESTION
from attnaudit.questions.ladder.adversaries import AdversaryFile, Parameters
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
    assert some["JSD is"] == "lower bound, 50 % exact"
    assert most["JSD"] == pytest.approx(0.35)


def test_a_rung_that_a_model_does_not_have_is_left_out_with_the_reason():
    found = summary([record(k, state=None, radii={"words": 0.1, "state": None}) for k in range(3)])
    assert found.metrics["ladder.state.jsd.mean"].reason == MISSING["state"]
    assert not [r for r in found.rows("ladder.rungs") if r["what may change"].startswith("3")]
    (note,) = [note for note in found.notes if "left out" in note]
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
    assert "0.1 times its own length, which is 0.2 on average" in note
    assert "Both sizes are this tool's own choice" in note
    one = record(0, state=None, radii={"words": 0.1, "state": None})
    (note,) = [note for note in summary([one]).notes if "nearest neighbour" in note]
    assert "This size is this tool's own choice" in note


def test_the_figure_has_a_row_for_each_rung():
    pytest.importorskip("matplotlib")
    (drawn,) = figures({"ladder": summary([record(k) for k in range(4)])}, LABELS)
    assert "1 weights: upper bound" in str(drawn.numbers)
    assert "4 embeddings: lower bound" in drawn.svg
    (some,) = figures({"ladder": summary([record(0, "exact"), record(1)])}, LABELS)
    assert "1 weights: lower bound, 50 % exact" in str(some.numbers)


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


RECORDED = {
    "base": {"run": {"model": "base", "split": "test"}, "probs": [0.9, 0.1]},
    "near": {"run": {"lambda": 0.1, "seed": 0, "split": "test"}, "jsd": 0.1, "tvd": 0.005},
    "far": {"run": {"lambda": 0.1, "seed": 1, "split": "test"}, "jsd": 0.3, "tvd": 0.01},
    "other": {"run": {"lambda": 0.1, "seed": 2, "split": "test"}, "jsd": 0.6, "tvd": 0.011},
    "dev": {"run": {"lambda": 0.1, "seed": 1, "split": "dev"}, "jsd": 0.5, "tvd": 0.001},
    "none": {"run": {"lambda": 0.1, "seed": 3, "split": "test"}, "diverged": True},
}


@pytest.fixture
def parameters(monkeypatch, tmp_path):
    """What records say of one text, whatever their order."""
    path = tmp_path / "a.jsonl"
    path.write_text("x")
    given = AdversaryFile(path=str(path), sha256=sha256_file(path))

    def of(*names, epsilon=0.01):
        rows = [{"id": "a", **RECORDED[name]} for name in names]
        monkeypatch.setattr("attnaudit.questions.opening.open_records", lambda path: rows)
        return Parameters.of(given, epsilon)

    return of


@pytest.mark.parametrize(
    "names",
    [
        ("base", "near", "far", "other", "dev"),
        ("dev", "other", "far", "near", "base"),
        ("far", "base", "dev", "other", "near"),
    ],
)
def test_the_farthest_model_is_one_that_keeps_the_answer_on_the_audited_split(parameters, names):
    found = parameters(*names, "none").at("a", [0.9, 0.1])
    assert (found.jsd, found.tvd, found.fits) == (0.3, 0.01, True)


def test_a_text_of_which_no_model_keeps_the_answer_has_none(parameters):
    found = parameters("base", "near", "far", epsilon=0.001).at("a", [0.9, 0.1])
    assert (found.jsd, found.tvd, found.fits) == (0, 0, False)
    assert parameters("base").at("b", [0.9, 0.1]) is None


@pytest.mark.parametrize("answer", [[0.8, 0.2], [0.5, 0.3, 0.2]])
def test_records_in_which_the_model_answers_otherwise_are_refused(parameters, answer):
    with pytest.raises(InputError, match="answer to 'a' differs"):
        parameters("base", "near").at("a", answer)
