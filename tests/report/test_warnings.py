"""What must be known before all else stands in the first lines of every format."""

from __future__ import annotations

import json

import pytest

from attnaudit.report.combine import Combined
from attnaudit.report.formats import FORMATS
from attnaudit.report.formats.format import Rendering
from attnaudit.report.lock import LockFacts
from attnaudit.report.schema import Gate, Metric, Report
from attnaudit.report.warnings import warnings, with_warnings


@pytest.fixture
def clean(report: Report) -> Report:
    whole = report.dataset.model_copy(update={"truncated": 0})
    return report.model_copy(update={"dataset": whole, "gates": []})


def with_metrics(report: Report, **values: float) -> Report:
    (like, *_) = report.metrics.values()
    made = {
        name.replace("__", "."): like.model_copy(update={"value": value})
        for name, value in values.items()
    }
    metrics: dict[str, Metric] = {**report.metrics, **made}
    return report.model_copy(update={"metrics": metrics})


def names(report: Report) -> list[str]:
    return [warned.name for warned in warnings(report)]


def test_there_is_nothing_to_warn_of_in_a_usual_report(clean: Report) -> None:
    assert warnings(clean) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"model__accuracy": 0.4, "model__majority_accuracy": 0.5}, ["low accuracy"]),
        ({"model__accuracy": 0.5, "model__majority_accuracy": 0.5}, []),
        ({"attention__outside": 0.51}, ["attention off the words"]),
        ({"attention__outside": 0.5}, []),
        ({"erase__no_reading": 0.51}, ["texts without the reading"]),
        ({"erase__no_reading": 0.5}, []),
        ({"texts__too_short_for_tau": 0.51}, ["short texts"]),
        ({"texts__too_short_for_tau": 0.5}, []),
    ],
)
def test_what_is_warned_of(clean: Report, values: dict[str, float], expected: list[str]) -> None:
    assert names(with_metrics(clean, **values)) == expected


def test_short_texts_matter_to_tau_alone(clean: Report) -> None:
    only = {"texts.too_short_for_tau": clean.metrics["model.accuracy"]}
    assert names(clean.model_copy(update={"metrics": only})) == []


def test_texts_that_were_cut_are_counted(clean: Report) -> None:
    cut = clean.dataset.model_copy(update={"truncated": 1})
    (warned,) = warnings(clean.model_copy(update={"dataset": cut}))
    assert warned.name == "texts cut"
    assert warned.words.startswith("1 of 1,725 texts was cut")


def gate(name: str, reason: str, **more: object) -> Gate:
    return Gate.model_validate({"id": name, "status": "inconclusive", "reason": reason, **more})


def test_gates_without_an_answer_are_no_pass(clean: Report) -> None:
    gates = [
        gate("absent", "not measured in this report", metric="permute.tvd.median"),
        gate("untested", "not assessed: run it", finding="necessary"),
        gate("small", "rests on 3 texts, but needs at least 30", metric="permute.tvd.median"),
        gate("open", "inconclusive: too wide", finding="stable"),
    ]
    missing, undecided = warnings(clean.model_copy(update={"gates": gates}))
    assert missing.name == "gates without a figure"
    assert "what 'absent' and 'untested' ask for" in missing.words
    assert undecided.name == "gates inconclusive"
    assert "does not decide 'small' and 'open'" in undecided.words
    for warned in (missing, undecided):
        assert "not a pass. With --strict it gives exit code 1" in warned.words
    many = [gate(f"g{i}", "not measured in this report") for i in range(6)]
    (warned,) = warnings(clean.model_copy(update={"gates": many}))
    assert "'g0', 'g1', 'g2' and 3 more ask for" in warned.words


def test_a_plan_that_was_not_kept_is_said_with_each_difference(clean: Report) -> None:
    said = ["permute.seed: planned 0, done 1", "policy: planned none, done 12345..."]
    lock = LockFacts(file="p.json", sha256="0" * 64, made="2026-01-01T00:00:00Z", differences=said)
    (warned,) = warnings(clean.model_copy(update={"lock": lock}))
    assert warned.name == "plan not followed"
    assert "; ".join(said) in warned.words
    kept = lock.model_copy(update={"differences": []})
    assert warnings(clean.model_copy(update={"lock": kept})) == []


BEGINNING = [form for form in FORMATS if form.name != "in-toto"]  # which holds gates alone


@pytest.mark.parametrize("form", BEGINNING, ids=lambda form: form.name)
def test_every_format_begins_with_them(clean: Report, form) -> None:
    pytest.importorskip("matplotlib")
    cut = clean.dataset.model_copy(update={"truncated": 7})
    report = with_warnings(clean.model_copy(update={"dataset": cut}))
    text = form.render(Rendering(Combined(report)))
    assert "7 of 1,725 texts were" in text
    before = text.rpartition("\n---\n")[2].partition("7 of 1,725 texts were")[0]  # of a card
    assert "tau" not in before.partition("<main>")[2] if form.name == "html" else True
    assert form.name == "html" or len(before.splitlines()) <= 12
    assert "7 of 1,725" not in form.render(Rendering(Combined(clean)))


def test_json_holds_them_as_sentences(clean: Report) -> None:
    cut = clean.dataset.model_copy(update={"truncated": 7})
    report = with_warnings(clean.model_copy(update={"dataset": cut}))
    (said,) = json.loads(report.model_dump_json())["warnings"]
    assert said.startswith("texts cut: 7 of 1,725")
