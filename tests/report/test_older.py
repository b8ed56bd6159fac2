"""What older versions wrote is still read: reports of schema version 1, and records.

The files in `older` were made by the version of commit f2173e2, whose rules had three findings:
`report.json` by a whole audit of a small model of generated reviews (120 texts), the records by one
of a tiny model (6 texts). They hold no words.
"""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import pytest

from attnaudit.errors import InputError
from attnaudit.findings.meaning import EARLIER, NOTHING
from attnaudit.report.combine import combine
from attnaudit.report.console import plain_console
from attnaudit.report.demands import Demands
from attnaudit.report.formats import FORMATS
from attnaudit.report.formats.format import Rendering
from attnaudit.report.policy import load_policy
from attnaudit.report.rebuild import load, read_baseline
from attnaudit.report.schema import NOT_ASKED, dumps, loads
from attnaudit.report.text import render
from tests.sealed import contents, reseal

OLDER = Path(__file__).parent / "older"
REPORT = OLDER / "report.json"
RECORDS = [OLDER / f"{name}.jsonl" for name in ("seed-baseline", "model-adversary", "probe")]
TODAY = datetime.date(2026, 3, 4)
STATUSES = {
    "necessary": "for",
    "stable": "not_assessed",
    "hard_to_manipulate": "against",
    "out_of_context": "for",
}


@pytest.fixture
def old():
    return combine([REPORT]).report


@pytest.fixture
def correlate(tmp_path):
    """Records of `correlate`, as if they were of the model and data of the old report."""
    said = json.loads(REPORT.read_text(encoding="utf-8"))
    path = tmp_path / "correlate.jsonl"
    shutil.copy(OLDER / path.name, path)
    instances = {"instances": len(contents(path)) - 2}
    reseal(path, model=said["model"], dataset=said["dataset"] | instances)
    return path


def test_the_findings_stand_as_they_are_and_the_new_one_is_not_assessed(old):
    assert {name: found.status for name, found in old.findings.items()} == STATUSES
    assert {found.edition for found in old.findings.values()} == {1}
    assert old.findings["stable"].reason == NOT_ASKED
    assert old.findings["necessary"].metric == "necessity.f1_gap"
    assert old.metrics["necessity.f1_gap"].value is not None


def test_what_they_mean_is_not_said_by_the_new_rules(old):
    assert old.meaning == [EARLIER]


def test_it_is_written_in_the_version_of_now_and_read_back(old):
    assert json.loads(REPORT.read_text(encoding="utf-8"))["schema_version"] == 1
    text = dumps(old)
    assert json.loads(text)["schema_version"] == 2
    assert loads(text, "r.json") == old


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_every_format_shows_it(form, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("gates: [{id: needed, finding: necessary}]")
    shown = form.render(Rendering(combine([REPORT], Demands(TODAY, load_policy(policy)))))
    if form.name in ("text", "markdown", "html", "model-card"):
        assert "Counts against attention" in shown
        assert "An older version of attnaudit made these findings" in " ".join(shown.split())


def test_a_report_of_one_question_had_no_finding():
    content = json.loads(REPORT.read_text(encoding="utf-8"))
    missing = {"status": "not_assessed", "reason": "Run seed-baseline to find out."}
    content["findings"] = dict.fromkeys(
        ("necessary", "hard_to_manipulate", "out_of_context"), missing
    )
    assert loads(json.dumps(content), "r.json").meaning == [NOTHING]


@pytest.mark.parametrize(("place", "value"), [("findings", 3), ("findings", {"necessary": 3})])
def test_an_odd_one_is_refused_in_one_line(place, value):
    content = {**json.loads(REPORT.read_text(encoding="utf-8")), place: value}
    with pytest.raises(InputError, match=r"^r\.json: does not follow the schema at 'findings"):
        loads(json.dumps(content), "r.json")


@pytest.mark.parametrize(
    ("finding", "allowed", "status"),
    [
        ("necessary", "for", "pass"),
        ("hard_to_manipulate", "for", "fail"),
        ("stable", "for", "inconclusive"),
        ("stable", "not_assessed", "pass"),
    ],
)
def test_gates_judge_its_findings_and_say_whose_rules_they_are(tmp_path, finding, allowed, status):
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"gates:\n- {{id: a, finding: {finding}, in: [{allowed}]}}\n")
    (gate,) = combine([REPORT], Demands(TODAY, load_policy(policy))).report.gates
    assert gate.status == status
    assert "by the rules of an older version" in gate.reason


def test_it_goes_together_with_newer_records(correlate, old):
    made = combine([REPORT, correlate]).report
    assert made.findings == old.findings
    assert made.meaning == [EARLIER]
    assert "correlate.gradient.tau.mean" in made.metrics
    assert "necessity.f1_gap" in made.metrics
    assert combine([correlate]).report.meaning == [NOTHING]


def test_it_is_no_baseline_for_figures_that_mean_something_else_now():
    with pytest.raises(InputError) as caught:
        read_baseline(REPORT)
    said = str(caught.value)
    assert said.startswith(
        f"{REPORT}: contains necessity.f1_gap of an older version, which is now necessity."
    )
    assert "make this baseline again from its records" in said


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_its_records_are_read(path):
    (part,) = load(path)
    assert part.report.metrics
    console = plain_console()
    with console.capture() as shown:
        render(combine([path]).report, console, detail=True)
    assert "not assessed" in shown.get().lower()


def test_its_records_are_read_together_and_nothing_is_found_on_six_texts():
    made = combine(RECORDS).report
    assert {found.status for found in made.findings.values()} == {"not_assessed"}
    assert {found.edition for found in made.findings.values()} == {2}
    assert made.meaning == [NOTHING]
    read_baseline(RECORDS[0])
