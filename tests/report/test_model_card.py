from __future__ import annotations

import pytest
from huggingface_hub import EvalResult, ModelCard

from attnaudit.measures.summary import Estimate, Summary
from attnaudit.report.model_card import TITLE, model_card
from attnaudit.report.schema import Gate, Report


def test_the_hub_reads_its_results(report: Report) -> None:
    card = ModelCard(model_card(report))
    assert card.data.model_name == "model.pt"
    first, second = card.data.eval_results
    assert isinstance(first, EvalResult)
    assert (first.task_type, first.dataset_type) == ("text-classification", "test")
    assert (first.dataset_name, first.dataset_split) == ("test.jsonl", "test")
    assert first.dataset_revision == "cd" * 32
    assert (first.metric_type, first.metric_name, first.metric_value) == (
        "accuracy",
        "Accuracy",
        0.823,
    )
    assert second.metric_type == "attnaudit.correlate.gradient.tau.mean"
    assert second.metric_value == 0.351


def test_the_section_says_what_was_found(report: Report) -> None:
    text = ModelCard(model_card(report)).text
    assert text.lstrip().startswith(TITLE)
    assert "| correlate | agreement with gradient (tau) | 0.351 \\[0.341, 0.361\\]" in text
    assert "### Findings" in text
    assert "### Gates: 1 passed, 1 failed, 1 inconclusive" in text
    assert "Made by attnaudit" in text
    assert "abababababab" in text
    assert not [line for line in text.splitlines() if line.startswith("# ")]


def test_a_report_without_figures_has_no_results(make_report, gates: list[Gate]) -> None:
    none = Summary(metrics={"model.accuracy": Estimate(None, reason="no text")})
    card = ModelCard(model_card(make_report(none, gates)))
    assert not card.data.eval_results


def test_nothing_hostile_breaks_it(evil_report: Report, evil: str) -> None:
    card = ModelCard(model_card(evil_report))
    assert card.data.to_dict()
    headings = [line for line in card.text.splitlines() if line.startswith("#")]
    assert all(line.startswith("## May") or line.startswith("### ") for line in headings)
    assert "<script" not in card.text


@pytest.mark.parametrize("name", ["", "/", "---", "a b/ü c.jsonl"])
def test_any_name_of_data_gives_an_identifier(report: Report, name: str) -> None:
    data = report.dataset.model_copy(update={"name": name})
    card = ModelCard(model_card(report.model_copy(update={"dataset": data})))
    assert card.data.eval_results[0].dataset_type
