from __future__ import annotations

from typing import Any

import pytest

from attnaudit.questions.basics import OUTSIDE_NOTE
from attnaudit.report.schema import Report
from attnaudit.report.tested import loud
from attnaudit.report.tested import tested as what_was_tested


def facts_of(report: Report, **model: Any) -> dict[str, str]:
    made = report.model_copy(update={"model": report.model.model_copy(update=model)})
    found = list(what_was_tested(made))
    assert len({fact.name for fact in found}) == len(found)
    assert not any(fact.loud for fact in found)
    return {fact.name: fact.words for fact in found}


def test_a_trained_model(report: Report) -> None:
    recipe = {"encoder": "bilstm", "attention": "additive"}
    found = facts_of(report, kind="checkpoint", recipe=recipe, parameters=57601, labels=["a", "b"])
    assert found["architecture"] == (
        "a BiLSTM below one layer of additive attention; 57,601 parameters"
    )
    assert (found["heads"], found["classes"]) == ("1", "a, b")
    assert found["data"] == "test.jsonl, split test"
    assert found["texts"] == "1,725"
    assert found["date"] == report.manifest.started[:10]
    assert found["versions"].startswith("attnaudit ")
    assert "layer and row" not in found


def test_a_repaired_model(report: Report) -> None:
    recipe = {"encoder": "orthogonal_bilstm", "attention": "additive"}
    found = facts_of(report, recipe=recipe, repairs={"conicity": 0.5, "tying": 0.1})
    assert found["architecture"] == (
        "an orthogonal BiLSTM below one layer of additive attention; trained with repairs: "
        "conicity=0.5 and tying=0.1"
    )
    assert facts_of(report, repairs={})["texts"] == "1,725"


def test_a_transformer(report: Report) -> None:
    settings = {"correlate": {"reading": "mean"}, "erase": {"reading": "mean"}}
    dataset = report.dataset.model_copy(update={"unit": "piece"})
    notes = [f"13 % {OUTSIDE_NOTE}"]
    update = {"settings": settings, "dataset": dataset, "notes": notes}
    model = {"kind": "transformer", "architecture": "Bert", "layers": 6, "heads": 12}
    found = facts_of(report.model_copy(update=update), **model, row="[CLS]")
    assert found["architecture"] == "Bert, 6 layers"
    assert found["layer and row"] == "layer 6 of 6, the row of [CLS]"
    assert found["heads"] == "12"
    assert found["reading"] == "mean: the mean of the weights of all heads"
    assert found["weights are shown for"] == "pieces of words"
    assert found["the rest of the attention"] == (
        "13 % of the attention lies outside the words shown. The tests do not change it."
    )


def test_a_site_of_many_rows(report: Report) -> None:
    model = {"kind": "transformer", "architecture": "Bert", "layers": 6, "heads": 12}
    site = "layer 3 of 6, every row"
    found = facts_of(report, **model, row="[CLS]", site=site)
    assert found["layer and row"] == site
    assert "site" not in found


def test_what_an_older_report_lacks_is_left_out(report: Report) -> None:
    found = facts_of(report.model_copy(update={"metrics": {}, "notes": []}))
    assert not found.keys() & {"architecture", "heads", "layer and row", "reading", "classes"}
    assert not found.keys() & {"the rest of the attention", "the model's answers"}


@pytest.mark.parametrize("partial", [True, False])
def test_what_comes_first(report: Report, partial: bool) -> None:
    update = {"partial": partial, "skipped": {}, "truncated": 0}
    made = report.model_copy(update={"dataset": report.dataset.model_copy(update=update)})
    assert [fact.name for fact in loud(made)] == (["partial"] if partial else [])
