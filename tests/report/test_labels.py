"""Several labels of one model side by side: the rows, and what is said of all of them."""

from __future__ import annotations

import pytest

from attnaudit.measures.summary import Estimate, Summary
from attnaudit.report.labels import report_of_labels
from attnaudit.report.schema import OF_EACH_LABEL, Gate, dumps, loads
from attnaudit.report.wording import facts, nothing_assessed


@pytest.fixture
def of_label(make_report):
    """The report of a label that some texts have, with some figures."""

    def make(label, positive, tvd, accuracy=0.9, **changes):
        metrics = {
            "model.accuracy": Estimate(accuracy, accuracy - 0.1, accuracy + 0.1, n=9),
            "model.majority_accuracy": Estimate(0.8, None, None, n=9),
            "permute.tvd.median": Estimate(tvd, tvd / 2, 2 * tvd, n=9),
        }
        report = make_report(Summary(metrics))
        model = report.model.model_copy(update={"label": label})
        dataset = report.dataset.model_copy(update={"positive": positive})
        return report.model_copy(update={"model": model, "dataset": dataset, **changes})

    return make


def test_a_row_for_each_label(of_label):
    reports = {"toxic": of_label("toxic", 7, 0.2), "threat": of_label("threat", 0, 0.01)}
    made = report_of_labels(reports, {"toxic": "out/toxic", "threat": "out/threat"}, ["attnaudit"])
    table = made.tables["labels"]
    assert table.columns[:2] == ["label", "texts with it"]
    at = table.columns.index("TVD, shuffled")
    assert [(*row[:2], *row[at : at + 3]) for row in table.rows] == [
        ("toxic", 7, 0.2, 0.1, 0.4),
        ("threat", 0, 0.01, 0.005, 0.02),
    ]
    assert "tau, leave-one-out" not in table.columns
    assert "out/toxic, out/threat" in table.notes[-1]
    assert made.meaning == [OF_EACH_LABEL]
    assert loads(dumps(made), "x") == made
    said = {fact.name: fact.words for fact in facts(made)}
    assert said["labels"].startswith("toxic, threat;")
    assert "label" not in said
    assert "of each label" in nothing_assessed(made)


def test_gates_and_warnings_say_of_which_label(of_label):
    gate = Gate(id="a", status="fail", reason="too low")
    reports = {
        "one": of_label("one", 3, 0.2, 0.5, gates=[gate]),
        "two": of_label("two", 3, 0.2, 0.4),
        "three": of_label("three", 3, 0.2),
    }
    made = report_of_labels(reports, dict.fromkeys(reports, "out"))
    assert [gate.id for gate in made.gates] == ["one: a"]
    (note,) = (note for note in made.notes if "accuracy" in note)
    assert note == "Warning, low accuracy (one and two): their reports say more."
    alone = report_of_labels({"one": reports["one"], "three": reports["three"]}, {})
    (note,) = (note for note in alone.notes if "accuracy" in note)
    assert note.startswith("Warning, low accuracy (one): 0.500; always")
