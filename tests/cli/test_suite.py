"""`attnaudit audit` and `attnaudit report` of several files, as a user meets them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from attnaudit.cli.main import main
from attnaudit.execution import files
from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.questions import all_questions
from attnaudit.questions.correlate import agreement
from attnaudit.records.reading import RecordsFile
from attnaudit.report import rebuild

USUAL = [question.name for question in all_questions() if not question.optional]
CONFIG = """\
data: data.yaml
output: out
model: {encoder: average, embedding: 4, hidden: 4}
training: {epochs: 2, learning_rate: 0.05}
audit:
  text: true
  correlate: {measure: [gradient, random]}
  permute: {permutations: 5}
  seed-baseline: {seeds: 2}
  adversary: {lambda: [0.01], refine: 0, seeds: 1, epochs: 2}
  probe: {seeds: 1}
"""
EVIL = "<script>alert(1)</script>\x1b[2J\x00\x0b ]]> &amp; é\u202e\ufffe"
LABELS = (f"bad{EVIL}", f"good{EVIL}")
FORMATS = ("text", "json", "markdown", "junit", "github", "html")
VOID = {"meta", "link", "br", "hr", "img", "input", "col"}


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch, figures_drawn_once):
    """Intervals and figures are no concern here, and would take most of the time."""
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


def row(i):
    said = (f"good{EVIL}", "bad")[i % 2]
    text = f"a {EVIL} {said} word{i % 7} <b>film</b> w{i % 5}"
    return {"id": f"{EVIL}{i}", "text": text, "label": LABELS[1 - i % 2]}


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A folder in which `attnaudit audit` has run, on data that is up to no good."""
    folder = tmp_path_factory.mktemp("audited")
    for split, n in (("train", 40), ("dev", 12), ("test", 40)):
        rows = (row(i) for i in range(n))
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    spec = {split: f"{split}.jsonl" for split in ("train", "dev", "test")}
    (folder / "data.yaml").write_text(yaml.safe_dump({**spec, "labels": list(LABELS)}))
    (folder / "c.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["attnaudit", "audit", "c.yaml", "-q"])
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 0
    return folder


@pytest.fixture
def folder(audited, here):
    """A copy of that folder, to work in."""
    shutil.copytree(audited, here, dirs_exist_ok=True)
    return here


@pytest.fixture
def records(folder):
    return [f"out/records/{name}.jsonl" for name in USUAL]


def timeless(report):
    for key in ("started", "finished", "command_line", "files"):
        del report["manifest"][key]
    return report


# attnaudit audit


def test_a_second_run_says_the_same_at_once(cli, folder):
    before = {p: p.stat().st_mtime_ns for p in (folder / "out/records").iterdir()}
    report = json.loads((folder / "out/report.json").read_text())
    result = cli("audit", "c.yaml")
    assert result.code == 0
    assert result.err == "Wrote out/report.html\n"
    assert result.out.startswith("attnaudit report\n")
    assert "The evidence" in result.out
    assert "Findings" in result.out
    assert timeless(json.loads((folder / "out/report.json").read_text())) == timeless(report)
    assert {p: p.stat().st_mtime_ns for p in (folder / "out/records").iterdir()} == before
    assert not [p for p in folder.rglob("*") if p.suffix in (".partial", ".state", ".tmp")]


@pytest.mark.whole  # eight seconds
def test_json_stands_alone(cli, folder):
    """Takes some 5 s: two reports, each with a page of figures."""
    result = cli("audit", "c.yaml", "--json")
    assert result.err == "Wrote out/report.html\n"
    assert json.loads(result.out) == json.loads((folder / "out/report.json").read_text())
    quiet = cli("audit", "c.yaml", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


# 60 columns are less narrow than 40.
@pytest.mark.parametrize("columns", ["40", pytest.param("60", marks=pytest.mark.whole)])
def test_narrow_terminals_without_colour(cli, folder, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    lines = cli("audit", "c.yaml").out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert all(line.isprintable() for line in lines)


@pytest.mark.whole  # three reports; test_commands has it of a single command
def test_gates_decide_the_exit_code(cli, folder):
    """Takes some 6 s: three reports, two of them with a page of figures."""
    (folder / "p.yaml").write_text("gates: [{id: a, finding: necessary, in: [for]}]\n")
    for strict, code in (((), 0), (("--strict",), 1)):
        result = cli("audit", "c.yaml", "--policy", "p.yaml", *strict)
        assert (result.code, "INCONCLUSIVE" in result.out) == (code, True)
        assert result.err == "Wrote out/report.html\n"
    (folder / "p.yaml").write_text("gates: [{id: a, metric: permute.tvd.median, min: 0.999}]\n")
    assert cli("audit", "c.yaml", "--policy", "p.yaml", "--json").code == 1


@pytest.mark.whole  # test_report has it of a single command
def test_an_older_report_is_a_baseline(cli, folder):
    shutil.copy("out/report.json", "old.json")
    same = cli("audit", "c.yaml", "--baseline", "old.json")
    assert (same.code, "FAIL" in same.out) == (0, False)
    assert "baseline: old.json" in same.out  # 40 instances are too few for it to pass


def test_without_matplotlib_all_but_the_page_is_there(cli, folder, monkeypatch):
    (folder / "out/report.html").unlink()
    for name in [n for n in sys.modules if n.startswith(("matplotlib", "attnaudit.report.html"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = cli("audit", "c.yaml")
    assert (result.code, result.out.startswith("attnaudit report\n")) == (0, True)
    assert result.err.startswith("no out/report.html: ")
    assert "attnaudit[html]" in result.err
    assert result.err.count("\n") == 1
    assert not (folder / "out/report.html").exists()


def test_a_page_that_cannot_be_written_does_not_hide_the_report(cli, folder):
    (folder / "out/report.html").unlink()
    (folder / "out/report.html").mkdir()
    result = cli("audit", "c.yaml")
    assert "out/report.html: is a folder" in result.err
    assert result.code == 2


def test_interruptions_are_told(cli, folder, monkeypatch):
    def press(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("attnaudit.running.suite.make_records", press)
    result = cli("audit", "c.yaml")
    assert (result.code, result.out, result.err) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("audit: {permut: {}}", ["c.yaml:2: unknown key 'audit.permut'", "'permute'"]),
        ("audit: {seed-baseline: {sede: 1}}", ["c.yaml:2", "did you mean 'seed'"]),
        ("audit: {adversary: {lambda: [nan]}}", ["c.yaml:2"]),
        ("trainig: {}", ["c.yaml:2: unknown key 'trainig'"]),
        ("output: ../out", ["c.yaml: output: '../out' leads out of this folder", "-o FOLDER"]),
        ("output: /dev/shm/x", ["c.yaml: output: '/dev/shm/x' leads out"]),
        ("output: file", ["file: is a file, but a folder is needed"]),
        ("output: file/in", ["file: is a file, but a folder is needed"]),
    ],
)
def test_mistakes_in_a_plan(refused, here, tiny, line, says):
    (here / "file").write_text("")
    (here / "c.yaml").write_text(f"data: {tiny / 'data.yaml'}\n{line}\n")
    refused("audit", "c.yaml", says=says)


def test_data_that_is_missing(refused, here, tiny):
    (here / "c.yaml").write_text("training: {epochs: 1}\n")
    refused("audit", "c.yaml", says=["c.yaml: does not say which data to use", "--data SPEC.yaml"])
    refused("audit", "c.yaml", "--data", "no.yaml", says=["no.yaml: no such file"])
    refused("audit", says=["CONFIG"])
    refused("audit", "quickstrt", says=["did you mean 'quickstart'?"])
    spec = {split: str(tiny / f"{split}.jsonl") for split in ("train", "dev", "test")}
    for split in ("train", "dev"):
        rest = {k: v for k, v in spec.items() if k != split}
        (here / "d.yaml").write_text(yaml.safe_dump(rest))
        says = [f"d.yaml: has no {split} split", f"`{split}:`"]
        refused("audit", "c.yaml", "--data", "d.yaml", says=says)


def test_policies_and_baselines_are_read_before_any_work(refused, folder):
    (folder / "p.yaml").write_text("gates:\n- {id: a, metric: permute.tvd.medain, min: 0.1}\n")
    says = ["p.yaml:2: unknown metric 'permute.tvd.medain'", "permute.tvd.median"]
    refused("audit", "c.yaml", "--policy", "p.yaml", "-o", "new", says=says)
    refused("audit", "c.yaml", "--baseline", "gone.json", "-o", "new", says=["gone.json"])
    says = ["probe.jsonl: is a baseline of probe, but this report is of report"]
    refused("audit", "c.yaml", "--baseline", "out/records/probe.jsonl", says=says)


# Each file of records is read once


@pytest.fixture
def passes(monkeypatch):
    """How often each file of records is read from its start to its end, and taus are computed."""
    counted = Counter()
    through, digest, taus = RecordsFile.__iter__, files.sha256_file, agreement.agreements

    def read(self):
        counted[self.path.stem] += 1
        yield from through(self)

    def digested(path):
        if path.parent.name == "records":
            counted[path.stem] += 1
        return digest(path)

    def computed(scores, top):
        counted["taus"] += len(scores)
        return taus(scores, top)

    monkeypatch.setattr(RecordsFile, "__iter__", read)
    for module in (files, rebuild):
        monkeypatch.setattr(module, "sha256_file", digested)
    monkeypatch.setattr(agreement, "agreements", computed)
    return counted


@pytest.mark.parametrize("options", [(), ("--show", "3")])
@pytest.mark.parametrize("form", ["json", "html"])  # the one that shows least, and most
def test_a_report_reads_each_file_once(cli, records, passes, form, options):
    assert cli("report", *records, "--format", form, "-o", "x", *options).code == 0
    assert passes == {**{Path(path).stem: 1 for path in records}, "taus": 40}


@pytest.mark.whole  # seven seconds
def test_an_audit_reads_each_file_once_for_all_its_reports(cli, records, passes):
    assert cli("audit", "c.yaml").code == 0
    # The adversary takes the budget of the seeds, and the probe an adversary that keeps it.
    once = {Path(path).stem: 1 for path in records}
    assert passes == {**once, "seed-baseline": 3, "model-adversary": 2, "taus": 40}


# attnaudit report FILE ...


def test_records_of_all_audits_make_the_report_again(cli, records, folder):
    whole = json.loads((folder / "out/report.json").read_text())
    files = [f"out/records/{name}.jsonl" for name in USUAL]
    again = json.loads(cli("report", *files, "--json").out)
    assert timeless(again) == timeless(whole)
    turned = json.loads(cli("report", *records, "--json").out)
    assert turned["metrics"] == whole["metrics"]
    assert turned["findings"] == whole["findings"]


def test_reports_and_records_mix(cli, records, folder):
    cli("report", records[1], "-o", "permute.json", "-q")
    mixed = cli("report", "permute.json", *records[3:], "--json")
    assert (mixed.code, mixed.err) == (0, "")
    report = json.loads(mixed.out)
    assert "permute.tvd.median" in report["metrics"]
    assert "probe.base.score" in report["metrics"]


def test_what_does_not_belong_together(cli, refused, records, folder, tiny):
    data = tiny / "data.yaml"
    cli("permute", tiny / "model.pt", data, "--records", "other.jsonl", "-q")
    says = ["other.jsonl: has another model than out/records/probe.jsonl"]
    refused("report", records[-1], "other.jsonl", says=says)
    cli("permute", "out/model.pt", "data.yaml", "--split", "dev", "--records", "other.jsonl", "-q")
    refused("report", records[-1], "other.jsonl", says=["other.jsonl: has another data set"])
    says = ["is a second report of probe", "the first is out/records/probe.jsonl"]
    refused("report", records[-1], records[-1], says=says)


@pytest.mark.parametrize(
    ("deltas", "says"),
    [
        (["necessary"], "--delta 'necessary' is not FINDING=SIZE"),
        (["necessary="], "is not FINDING=SIZE"),
        (["necessary=little"], "is not FINDING=SIZE"),
        (["neccessary=0.1"], "no finding 'neccessary'; did you mean 'necessary'?"),
        (["=0.1"], "no finding ''"),
        (["necessary=-0.1"], "--delta takes sizes from 0 to 1"),
        (["necessary=nan"], "--delta takes sizes from 0 to 1"),
        (["hard_to_manipulate=0.7"], "for a JSD, from 0 to 0.6931"),
        (["necessary=0.1", "necessary=0.2"], "--delta necessary=0.2: necessary is given twice"),
    ],
)
def test_mistakes_in_deltas(refused, deltas, says):
    refused("report", "none.jsonl", *(x for d in deltas for x in ("--delta", d)), says=[says])


def test_deltas_that_decide_nothing_are_told(cli, refused, records, folder):
    says = ["--delta: no finding is assessed here", "seed-baseline, model-adversary, probe"]
    refused("report", records[0], "--delta", "necessary=0.2", says=says)
    refused("report", "out/report.json", "--delta", "necessary=0.2", says=says)
    assert cli("report", records[4], "--delta", "necessary=0.2", "-q").code == 0


# Names and words that come from files, in every format


class Page(HTMLParser):
    """Checks that tags are balanced, and keeps what scripts and styles there are."""

    def __init__(self):
        super().__init__()
        self.open, self.met = [], []

    def handle_starttag(self, tag, attrs):
        self.met.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(form, text):
    """A real parser's opinion, or at least that no control character is left."""
    if form == "json":
        json.loads(text, parse_constant=lambda name: pytest.fail(name))
    elif form == "junit":
        ET.fromstring(text.encode())
    elif form == "html":
        page = Page()
        page.feed(text)
        page.close()
        assert page.open == []
        # The one script is ours: the policy of the page names it by its hash.
        assert page.met.count("script") == text.count("<script") == 1
        script = text.partition("<script>")[2].partition("</script>")[0]
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in text
    raw = {c for c in text if not c.isprintable() and c not in "\n\t"}
    assert raw <= (set("\u202e\ufffe\x7f") if form == "json" else set()), (form, raw)
    if form == "markdown":
        shown = re.sub(r"^```json\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        assert "<script" not in shown


@pytest.mark.parametrize("form", FORMATS)
def test_names_and_words_do_no_harm_in_any_format(cli, records, folder, form):
    shown = cli("report", *records, "--show", "3", "--format", form)
    assert (shown.code, shown.err) == (0, "")
    check(form, shown.out)
    for path in records:
        result = cli("report", path, "--format", form, "-v")
        assert result.code == 0
        check(form, result.out)


def test_words_in_heatmaps_do_no_harm(cli, records, folder, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    for name in ("correlate", "erase", "adversary"):
        model, data = "out/model.pt", "data.yaml"
        text = cli(name, model, data, "--show", "2", "--limit", "4").out
        assert "\x1b[2J" not in text
        assert "\x00" not in text
    check("html", Path("out/report.html").read_text())
