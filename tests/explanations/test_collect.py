from __future__ import annotations

import re
from typing import get_args

import pytest

from attnaudit.errors import InputError
from attnaudit.explanations.collect import all_entries, find
from attnaudit.explanations.entry import KINDS, folded
from attnaudit.findings.finding import FindingName, FindingStatus
from attnaudit.findings.rules import Deltas
from attnaudit.importance import IMPORTANCES
from attnaudit.questions import all_questions
from attnaudit.records.metric import CONTROLS
from attnaudit.report.registry import all_specs
from attnaudit.report.schema import GateStatus

TERMS = (
    *("attention", "[CLS]", "head", "layer", "row", "content positions", "attendable positions"),
    *("outside", "word", "piece", "reading", "tau", "kendall", "weighted tau", "top overlap"),
    *("Benjamini-Hochberg", "TVD", "JSD", "jensen-shannon", "ln 2", "KL", "lambda", "epsilon"),
    *("conicity", "floor", "reference", "interval", "two-level interval", "seed"),
    *("recipe", "imitator", "adversary", "per-instance adversary", "model-consistent adversary"),
    *("detached weights", "budget", "room", "excess JSD", "guide", "probe", "base guide"),
    *("uniform guide", "trained guide", "leak", "leak control", "necessary", "stable?"),
    *("hard to manipulate", "out of context", "for", "against", "inconclusive", "not assessable"),
    *("not assessed", "delta", "gate", "policy", "waiver", "baseline", "comprehensiveness"),
    *("sufficiency", "AOPC", "flip fraction", "plausibility", "rationale", "token F1", "IoU-F1"),
    *("AUPRC", "average precision", "McNemar", "permutation", "erasure", "residual ratio"),
    *("erased", "uniform layers", "records", "manifest", "digest", "group", "partial"),
    *("truncated",),
)
COMMANDS = {"audit", "report", "attnaudit explain"}


def kinds_of(name: str) -> set[str]:
    return {entry.kind for entry in find(name)}


@pytest.mark.parametrize("name", TERMS)
def test_the_terms_of_the_field_are_there(name):
    assert find(name)


def test_all_that_reports_name_has_an_entry():
    assert {e.name for e in all_entries() if e.kind == "metric"} == {s.pattern for s in all_specs()}
    for question in all_questions():
        assert "question" in kinds_of(question.name)
        for name in question.settings.model_fields:
            assert question.name in {
                owner
                for e in find(f"{question.name}.{name}")
                if e.kind == "setting"
                for owner in e.of.split(", ")
            }
    for name in IMPORTANCES:
        assert "importance" in kinds_of(name)
    for name in (*CONTROLS, "mean", "max"):
        assert find(name)
    for name in get_args(FindingName):
        assert {"finding", "setting"} <= kinds_of(name)
    assert set(get_args(FindingName)) == Deltas.model_fields.keys()
    for name in (*get_args(FindingStatus), *get_args(GateStatus)):
        assert "status" in kinds_of(name)


@pytest.mark.parametrize("entry", all_entries(), ids=lambda entry: f"{entry.kind} {entry.name}")
def test_an_entry_says_what_it_must(entry):
    assert entry.kind in KINDS
    assert entry.what.endswith((".", "?"))
    assert entry.what[0].isupper()
    assert entry.source or (entry.kind == "setting" and entry.of)
    if entry.kind == "metric":
        assert entry.formula
        assert entry.unit
        assert entry.range
        assert entry.better
        assert entry.beside
        assert entry.traps
    if entry.kind in ("finding", "question", "control"):
        assert entry.beside


@pytest.mark.parametrize("entry", all_entries(), ids=lambda entry: f"{entry.kind} {entry.name}")
def test_an_entry_is_no_riddle(entry):
    """One sentence of at most 40 words says what it is, and short ones how it misleads.

    Settings may take several, for they are the help of an option.
    """
    said = re.split(r"(?<=[.?]) (?=[A-Z])", entry.what)
    assert len(said) <= (4 if entry.kind == "setting" else 1), "too many sentences"
    assert max(len(sentence.split()) for sentence in said) <= 40
    for sentence in re.split(r"(?<=[.?]) (?=[A-Z])", entry.traps):
        assert len(sentence.split()) <= 30, sentence
        assert not sentence or sentence.endswith(".")


@pytest.mark.parametrize("entry", all_entries(), ids=lambda entry: f"{entry.kind} {entry.name}")
def test_what_an_entry_mentions_exists(entry):
    for name in entry.beside:
        assert find(name)
        assert folded(name) != folded(entry.name)
    told = " ".join((entry.what, entry.formula, entry.range, entry.traps, entry.source))
    for name in re.findall(r"`([^`]+)`", told):
        assert name.startswith("--") or name in COMMANDS or find(name)


def test_names_are_found_however_they_are_written():
    assert find("kendall") == find("TAU") == find(" Kendall's tau ")
    assert find("leave-one-out") == find("leave_one_out") == find("Leave_One-Out")
    assert find("cls") == find("[CLS]")
    (entry,) = find("seed-baseline.TVD.mean")
    assert entry.name == "seed_baseline.tvd.mean"


def test_a_metric_of_a_report_is_found_by_its_family():
    (entry,) = find("adversary.model[lambda=0.001].jsd.mean")
    assert entry.name == "adversary.model[lambda=0.001].jsd.mean"
    assert "0.001" in entry.what
    assert "adversary.model[lambda=0.001].tvd.mean" in entry.beside
    (entry,) = find("correlate.leave_one_out.tau.mean")
    assert "leave_one_out" in entry.what
    assert "{" not in entry.what
    assert entry.of == "correlate"
    (family,) = find("correlate.{importance}.tau.mean")
    assert "leave_one_out" in family.holds
    assert not entry.holds
    (entry,) = find("probe.my_guide.score")
    assert "my_guide" in entry.what


def test_a_name_of_several_things_shows_them_all():
    training = ["seed-baseline", "model-adversary", "probe", "deceive", "rationalize"]
    assert [e.of for e in find("seeds")] == training
    assert kinds_of("probe") == {"question", "term"}
    assert [e.of for e in find("inconclusive")] == ["findings", "gates"]
    (entry,) = find("probe.seeds")
    assert (entry.name, entry.of) == ("seeds", "probe")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("conicty", "did you mean 'conicity'?"),
        ("Permutaton", "did you mean 'permutation'?"),
        ("correlate.gradient.tau.men", "did you mean 'correlate.gradient.tau.mean'?"),
        (
            "adversary.model[lambda=1e-3].f1",
            "did you mean 'adversary.model[lambda=0.001].f1'?",
        ),
        ("qqqqqq", "lists all names"),
        ("", "lists all names"),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest(wrong, hint):
    with pytest.raises(InputError, match="nothing has the name") as caught:
        find(wrong)
    assert hint in str(caught.value)


def test_aliases_are_of_one_thing_each():
    """But for commands and settings, which several things share."""
    seen: dict[str, str] = {}
    names = {folded(e.name) for e in all_entries()}
    for entry in all_entries():
        if entry.kind in ("setting", "question"):
            continue
        for alias in entry.aliases:
            assert seen.setdefault(folded(alias), entry.name) == entry.name, alias
            assert folded(alias) not in names - {folded(entry.name)}, f"{alias} is never reached"
