"""`attnaudit report` in every format, and runs held against policies and older runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from attnaudit.cli.samples import find_config, sample_folder
from attnaudit.errors import InputError
from attnaudit.report.policy import load_policy
from tests.sealed import contents, sealed

WHOLE = ("--split", "train")
FORMATS = ("text", "json", "markdown", "junit", "github")
FAILING = "gates:\n  - {id: fails, metric: model.accuracy, min: 1.0}\n"


def waiver(days, gate="fails"):
    day = date.today() + timedelta(days=days)
    return f"waivers:\n  - {{gate: '{gate}', reason: known, expires: {day}}}\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder for what the run below leaves, which is the same for all tests."""
    return tmp_path_factory.mktemp("ran")


@pytest.fixture
def records(correlate, here, ran, monkeypatch):
    """Records of a run in the working folder, and a policy whose gate fails."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    if not any(ran.iterdir()):
        assert correlate("--records", "r.jsonl", "-o", "r.json", *WHOLE).code == 0
        for name in ("r.jsonl", "r.json"):
            shutil.copy(here / name, ran)
    shutil.copytree(ran, here, dirs_exist_ok=True)
    (here / "fail.yaml").write_text(FAILING)
    return "r.jsonl"


@pytest.fixture
def report(records):
    """The report of that run, which is quicker to show."""
    return "r.json"


def improved(here, name="better.jsonl"):
    """Records in which attention agrees perfectly with the gradients."""
    header, *lines, _ = contents(here / "r.jsonl")
    for line in lines:
        line["importance"]["gradient"] = line["attention"]
    (here / name).write_bytes(sealed(header, lines))
    return name


def test_each_format_goes_to_stdout(cli, report):
    args = ("report", report, "--policy", "fail.yaml")
    shown = {f: cli(*args, "--format", f) for f in FORMATS}
    assert {r.code for r in shown.values()} == {1}
    assert {r.err for r in shown.values()} == {""}
    assert shown["text"].out == cli(*args).out
    assert json.loads(shown["json"].out)["gates"][0]["status"] == "fail"
    assert shown["json"].out == cli(*args, "--json").out
    assert shown["markdown"].out.startswith("# attnaudit correlate\n")
    assert ET.fromstring(shown["junit"].out).attrib["failures"] == "1"
    first, second, *_ = shown["github"].out.splitlines()
    assert first.startswith("::warning title=attnaudit low accuracy::")
    assert second.startswith("::error file=fail.yaml,line=2,title=fails%3A fail::")


def test_formats_go_to_files(cli, report, here, monkeypatch):
    args = ("report", report, "--policy", "fail.yaml")
    text = cli(*args).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert cli(*args, "-o", "a.txt").code == 1
    assert (here / "a.txt").read_text() == text
    monkeypatch.delenv("FORCE_COLOR")
    for form in FORMATS:
        result = cli(*args, "--format", form, "-o", "out")
        assert (result.code, result.out) == (1, text)
        assert (here / "out").read_text() == cli(*args, "--format", form).out
        quiet = cli(*args, "--format", form, "-o", "out", "--quiet")
        assert (quiet.code, quiet.out) == (1, "")
    for name, form in (("a.md", "markdown"), ("a.xml", "junit"), ("a.txt", "text"), ("a", "json")):
        cli(*args, "-o", name)
        assert (here / name).read_text() == cli(*args, "--format", form).out
    dashed = cli(*args, "-o", "-")
    assert dashed.out == cli(*args, "--json").out
    both = cli(*args, "--json", "-o", "out")
    assert both.out == (here / "out").read_text()


def test_the_summary_of_a_step_is_added_to(cli, report, here, monkeypatch):
    summary = here / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    cli("report", report, "--format", "markdown")
    assert summary.read_text() == "before\n"
    cli("report", report, "--policy", "fail.yaml", "--format", "github")
    expected = cli("report", report, "--policy", "fail.yaml", "--format", "markdown").out
    assert summary.read_text() == f"before\n{expected}"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here))
    result = cli("report", report, "--format", "github")
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"error: .*cannot be written \(Is a directory\)\n", result.err)


def test_the_format_decides_nothing_about_the_exit_code(cli, report, here):
    (here / "open.yaml").write_text(
        "gates:\n  - {id: open, finding: necessary}\n  - {id: ok, metric: model.f1, min: 0.01}\n"
    )
    (here / "waived.yaml").write_text(FAILING + waiver(0))
    for args, code in (
        (("--policy", "open.yaml"), 0),
        (("--policy", "open.yaml", "--strict"), 1),
        (("--policy", "fail.yaml"), 1),
        (("--policy", "waived.yaml", "--strict"), 0),
    ):
        codes = {cli("report", report, *args, "--format", f).code for f in FORMATS}
        assert codes == {code}, args


def test_waivers_hold_through_today(cli, correlate, report, here):
    for days, code, word in ((0, 0, "waived through"), (-1, 1, "is ignored: known")):
        (here / "p.yaml").write_text(FAILING + waiver(days))
        for form in ("text", "markdown", "junit", "github"):
            result = cli("report", report, "--policy", "p.yaml", "--format", form)
            assert (result.code, word in result.out) == (code, True), form
        gate = json.loads(cli("report", report, "--policy", "p.yaml", "--json").out)["gates"][0]
        assert gate["waiver"]["expired"] == bool(code)
        assert correlate("--policy", "p.yaml", *WHOLE).code == code


def test_mistakes_in_waivers_and_finding_gates(refused, report, here):
    for text, says in (
        (FAILING + waiver(0, "other"), ["p.yaml:4: a waiver of the gate 'other'"]),
        (FAILING + waiver(0).replace("reason: known, ", ""), ["p.yaml:4", "reason' is missing"]),
        (FAILING + "waivers:\n- gate: fails\n  reason: x\n  expires: soon\n", ["p.yaml:6: "]),
        ("gates:\n- {id: a, finding: neccessary}\n", ["p.yaml:2: gates.0.finding"]),
    ):
        (here / "p.yaml").write_text(text)
        refused("report", report, "--policy", "p.yaml", says=says)


def test_regressions_fail(cli, records, here):
    better = improved(here)
    same = cli("report", records, "--baseline", records)
    assert (same.code, same.err) == (0, "")
    assert "PASS  baseline: none of" in same.out
    regressed = cli("report", records, "--baseline", better, "--json")
    assert regressed.code == 1
    content = json.loads(regressed.out)
    failed = [g["id"] for g in content["gates"] if g["status"] == "fail"]
    assert "baseline:correlate.gradient.tau.mean" in failed
    assert {row[0] for row in content["tables"]["baseline"]["rows"]} == {
        name.removeprefix("baseline:") for name in failed
    }
    forward = cli("report", better, "--baseline", records)
    assert (forward.code, "improved" in forward.out) == (0, True)
    cli("report", better, "-o", "better.json")
    apart = cli("report", "r.json", "--baseline", "better.json")
    assert (apart.code, "are unpaired" in apart.out) == (1, True)
    (here / "waived.yaml").write_text(
        "gates: [{id: a, metric: model.f1, min: 0.01}]\n"
        "waivers:\n"
        + "".join(f"- {{gate: '{n}', reason: r, expires: 9999-12-31}}\n" for n in failed)
    )
    assert cli("report", records, "--baseline", better, "--policy", "waived.yaml").code == 0


def test_an_audit_is_held_against_an_older_one(correlate, records, here):
    same = correlate("--baseline", records, "--records", "again.jsonl", "--json", *WHOLE)
    assert (same.code, same.err) == (0, "")
    content = json.loads(same.out)
    assert [g["id"] for g in content["gates"]] == ["baseline"]
    assert content["tables"]["baseline"]["rows"] == []
    assert correlate("--baseline", improved(here), *WHOLE).code == 1


def test_baselines_that_cannot_be_used(cli, refused, correlate, records, here, tiny):
    audit = ("correlate", tiny / "model.pt", tiny / "data.yaml", "--measure", "random")
    lines = (here / "r.jsonl").read_text().splitlines(keepends=True)
    (here / "torn.jsonl").write_text("".join(lines[:3]))
    header, *made, _ = contents(here / "r.jsonl")
    header["dataset"]["sha256"] = "ef" * 32
    (here / "other.jsonl").write_bytes(sealed(header, made))
    (here / "text.txt").write_text("hello\n")
    cli("permute", tiny / "model.pt", tiny / "data.yaml", *WHOLE, "-o", "p.json", "-q")
    for name, says in (
        ("torn.jsonl", ["torn.jsonl:3: is not complete"]),
        ("other.jsonl", ["other.jsonl: is a baseline on other data", "efefefefefef", "data.yaml"]),
        ("p.json", ["p.json: is a baseline of permute, but this report is of correlate"]),
        ("text.txt", ["text.txt:1: is not valid JSON"]),
        ("missing.jsonl", ["missing.jsonl: no such file"]),
    ):
        refused("report", records, "--baseline", name, says=says)
        refused(*audit, *WHOLE, "--baseline", name, "--records", "x.jsonl", says=says)
    refused(*audit, "--baseline", records, says=["split 'train', but this report is on 'test'"])
    refused(*audit, "--baseline", records, "-o", records, says=["is also read by this command"])
    refused(
        "report",
        records,
        "--baseline",
        "r.json",
        "-o",
        "r.json",
        says=["also read by this command"],
    )


def test_mistakes_in_formats(refused, report):
    refused("report", report, "--format", "pdf", says=["--format", "markdown"])
    both = ("--json", "--format", "junit")
    refused("report", report, *both, says=["--json and --format junit cannot be used together"])
    refused("report", report, "--format", "junit", "-o", "no/x", says=["no/x: the folder does"])


def test_the_sample_workflow_can_be_run(cli, records, here):
    path = sample_folder() / "github_workflow.yml"
    content = yaml.load(path.read_text(), yaml.BaseLoader)
    assert set(content) == {"name", "on", "permissions", "jobs"}
    steps = content["jobs"]["audit"]["steps"]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", s["uses"]) for s in steps if "uses" in s)
    commands = [shlex.split(s["run"]) for s in steps if "run" in s]
    commands = [
        c[1 : c.index("||") if "||" in c else None] for c in commands if c[0] == "attnaudit"
    ]
    assert [c[0] for c in commands] == ["correlate", "report", "report"]
    (here / "policy.yaml").write_text((sample_folder() / "policy.yaml").read_text())
    for name in ("correlate.jsonl", "accepted.jsonl"):
        (here / name).write_text((here / "r.jsonl").read_text())
    assert all(cli(*c).code in (0, 1) for c in commands[1:])
    assert (here / "attnaudit.xml").exists()
    with pytest.raises(InputError, match="no such file"):
        find_config("github_workflow")


def test_the_sample_policy_has_every_kind_of_gate(here):
    text = (sample_folder() / "policy.yaml").read_text()
    kinds = {type(rule).__name__ for rule, _ in load_policy(sample_folder() / "policy.yaml").rules}
    assert kinds == {"MetricRule", "FindingRule"}
    # The waiver that stands there as a comment works as it stands.
    (here / "p.yaml").write_text(re.sub(r"^# ?(?=waivers:|  )", "", text, flags=re.MULTILINE))
    assert [w.gate for w in load_policy(here / "p.yaml").waivers] == ["agrees-with-leave-one-out"]


OLD_REPORT = Path(__file__).parent.parent / "report" / "older" / "report.json"


def test_a_report_of_an_older_version_is_shown_again(cli):
    shown = cli("report", OLD_REPORT)
    assert shown.code == 0
    assert "by other rules" in " ".join(shown.out.split())
    again = json.loads(cli("report", OLD_REPORT, "--json").out)
    assert again["schema_version"] == 2
    assert again["findings"]["stable"]["status"] == "not_assessed"
    assert again["findings"]["necessary"]["edition"] == 1


def test_a_gate_on_a_retired_name_is_refused_with_the_new_one(refused, here):
    (here / "p.yaml").write_text("gates:\n- id: a\n  metric: probe.base-leak.f1_gap\n  min: 0\n")
    says = ["p.yaml:3: the metric 'probe.base-leak.f1_gap' is now probe.leak.score_gap"]
    refused("report", OLD_REPORT, "--policy", "p.yaml", says=says)
    refused("report", OLD_REPORT, "--baseline", OLD_REPORT, says=["now necessity.score_gap"])


def test_an_old_name_is_explained_by_the_new_one(cli):
    assert "manipulation.units_excess_jsd" in cli("explain", "manipulation.excess_jsd").out


def test_a_summary_of_one_sheet(cli, refused, report, here):
    cli("report", report, "-o", "page.html", "-q")
    cli("report", report, "--summary", "-o", "sheet.html", "-q")
    whole, sheet = ((here / name).read_text() for name in ("page.html", "sheet.html"))
    assert "What was found" in sheet
    assert "What do the words mean?" in whole
    assert "What do the words mean?" not in sheet
    assert cli("report", report, "--summary", "--format", "html").out == sheet
    for args in ((), ("--json",), ("-o", "x.md")):
        says = "--summary is for pages; add --format html, or give -o a name that ends in .html"
        refused("report", report, "--summary", *args, says=[says])


def test_a_page_on_which_weights_are_moved(cli, refused, tiny, here):
    model, data = tiny / "model.pt", tiny / "data.yaml"
    asked = ("--limit", "6", "-q")
    cli("adversary", model, data, *asked, "--text", "--records", "r.jsonl")
    done = cli("report", "r.jsonl", "--interactive", "move.html", "--show", "2", "--json")
    assert (done.code, done.err) == (0, "Wrote move.html\n")
    page = (here / "move.html").read_text()
    assert page.count('"id":') == 2
    json.loads(done.out)
    cli("adversary", model, data, *asked, "--records", "silent.jsonl")
    says = ["--interactive needs records that contain both attention and words", "--text"]
    refused("report", "silent.jsonl", "--interactive", "no.html", says=says)
    text = (here / "r.jsonl").read_text().replace(str(model), "evil:make", 1)
    (here / "evil.jsonl").write_text(text)
    (here / "evil.py").write_text("raise SystemExit('run')\n")
    assert cli("report", "evil.jsonl", "--interactive", "no.html").code == 2
    assert not (here / "no.html").exists()
