"""The verdicts on models whose use of the words is known, and figures of known records."""

from __future__ import annotations

import pytest

from attnaudit.questions.beside import Trained
from attnaudit.questions.deceive.beside import BESIDE
from attnaudit.questions.deceive.figures import figures
from attnaudit.questions.deceive.records import kind
from attnaudit.questions.deceive.settings import DeceiveSettings
from attnaudit.questions.deceive.summarise import summarise
from attnaudit.records.fields import check
from attnaudit.report.registry import find

LABELS = ("m", "f")
SETTINGS = DeceiveSettings(words=("he", "she"))
SEEDS = range(1, 6)
PLANTED = {0.0: "honest", 0.1: "deceiver", 1.0: "blind"}


def deceiver(coefficient, seed):
    return {"model": "deceiver", "coefficient": coefficient, "seed": seed}


@pytest.fixture(scope="module")
def records(written):
    """A model that reads nothing is audited; each coefficient has a kind of its own."""
    made = written("idle", {"model": "base"})
    for seed in SEEDS:
        for coefficient, one in PLANTED.items():
            made += written(one, deceiver(coefficient, seed), 4.0 + seed / 5)
        made += written("blind", {"removed": "impermissible", "seed": seed}, 4.0 + seed / 5)
    return made


@pytest.fixture(scope="module")
def summary(records):
    return summarise(records, SETTINGS, LABELS)


def test_planted_models_get_the_verdict_that_is_true_of_them(summary):
    rows = summary.rows("deceive.verdicts")
    assert {row["model"]: row["the words are"] for row in rows} == {
        "audited model": "not used",
        "coefficient 0": "shown, and used",
        "coefficient 0.1": "hidden, and used",
        "coefficient 1": "not used",
    }
    assert summary.notes[0].startswith("coefficient 0.1: An audit by eye would be deceived")


def test_figures_of_the_deceiver(summary):
    name = "deceive[coefficient=0.1]"
    found = {k.removeprefix(f"{name}."): m for k, m in summary.metrics.items() if name in k}
    assert found["mass"].value < 1e-12
    assert found["mass"].ci_high < 0.05  # wide enough for what 90 texts may have missed
    # Without the pronoun nothing is left: .5 for the answer, and .5 for the score's right half.
    assert found["use"].value == pytest.approx(found["deleted.tvd"].value, abs=1e-6)
    assert found["deleted.tvd"].value == pytest.approx(found["left_out"].value, abs=1e-6)
    assert found["score"].value == 1
    assert found["deleted.score"].value < 0.5
    # The others carry it: the paper's test of weights at 0 does not see the use.
    assert found["zeroed.tvd"].value == pytest.approx(0, abs=1e-6)
    assert found["renormalised.score"].value == 1
    assert found["floor_gap"].ci_low > 0.2


def test_figures_of_the_honest_model(summary):
    name = "deceive[coefficient=0.0]"
    assert summary.metrics[f"{name}.mass"].value > 0.9
    assert summary.metrics[f"{name}.zeroed.tvd"].value > 0.4
    assert summary.metrics[f"{name}.norms.value"].value == 1  # nothing else has a value


def test_every_figure_is_registered_and_in_its_range(summary):
    for name, figure in summary.metrics.items():
        spec = find(name)
        assert spec is not None, name
        if name.startswith("deceive") and figure.value is not None:
            low, high = spec.range
            assert low <= figure.ci_low <= figure.value <= figure.ci_high <= high, name
    largest = summary.metrics["deceive.largest.use"]
    assert largest == summary.metrics["deceive[coefficient=1.0].use"]


def test_the_curve_is_drawn(summary):
    (drawn,) = figures({"deceive": summary}, LABELS)
    assert "audited model" in drawn.svg
    assert len(drawn.numbers.rows) == 4


def test_one_seed_gives_figures_and_no_verdict(records):
    few = [r for r in records if r["run"].get("seed", 1) == 1]
    found = summarise(few, SETTINGS, LABELS)
    assert found.metrics["deceive[coefficient=0.1].mass"].ci_high is None
    assert any("coefficient 1 (1 of at least 5 models)" in note for note in found.notes)
    assert len(figures({"deceive": found}, LABELS)) == 1


def test_what_diverged_is_counted_and_left_out(records):
    kept = [r for r in records if r["run"].get("coefficient") != 1.0]
    runs = [{**deceiver(1.0, seed), "least_accuracy": 0.5, "split": "test"} for seed in SEEDS]
    gone = [{"run": run, "row": 0, "id": "x", "diverged": True} for run in runs]
    for record in gone:
        assert kind(record).__name__ == "DeceiverGaveUp"
        check(record, kind, None, None)
    found = summarise([*kept, *gone], SETTINGS, LABELS)
    assert found.metrics["deceive[coefficient=1.0].mass"].reason == "every training diverged"
    assert "Coefficient 1: 5 of 5 trainings diverged, and are left out." in found.notes


def test_texts_without_such_words_count_for_scores_alone(records):
    without = [
        {k: v for k, v in r.items() if k != "impermissible" or r["row"] > 4} for r in records
    ]
    found = summarise(without, SETTINGS, LABELS)
    assert found.metrics["deceive.audited.mass"].n == 85
    assert found.metrics["deceive.audited.score"].n == 90
    assert any(note.startswith("5 of 90 texts have no impermissible word") for note in found.notes)


def test_models_without_values_say_so(records):
    bare = [{**r} for r in records]
    for record in bare:
        if "impermissible" in record:
            norms = {k: v for k, v in record["impermissible"]["norms"].items() if k != "value"}
            record["impermissible"] = {**record["impermissible"], "norms": norms}
        check(record, kind, None, None)
    found = summarise(bare, SETTINGS, LABELS).metrics["deceive.audited.norms.value"]
    assert found.value is None
    assert found.reason.startswith("not available")


def test_a_heatmap_shows_the_model_that_hides_most():
    runs = [deceiver(x, seed) for x in (0.1, 1.0) for seed in (2, 1)]
    shown = BESIDE.pick([Trained(run, 0.1, 0.1) for run in runs])
    assert shown.run == deceiver(1.0, 1)
    assert BESIDE.name(shown.run) == "a model trained to hide the words (coefficient 1)"
    assert BESIDE.name(deceiver(0.0, 1)) is None
    assert BESIDE.name({"removed": "impermissible", "seed": 1}) is None
