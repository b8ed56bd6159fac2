"""Reports and records of several audits as one report, with its findings."""

from __future__ import annotations

import json
import shutil
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.findings.desiderata import FINDINGS, OUT_OF_CONTEXT
from attnaudit.findings.finding import Finding
from attnaudit.findings.metrics import ADVERSARY_EXCESS, UNITS_EXCESS
from attnaudit.findings.rules import Deltas
from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.measures.summary import Columns
from attnaudit.questions.permute import QUESTION
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.records.reading import read_records
from attnaudit.records.writing import RecordsWriter
from attnaudit.report.combine import _columns, combine
from attnaudit.report.controls_table import with_controls
from attnaudit.report.demands import Demands
from attnaudit.report.policy import load_policy
from attnaudit.report.rebuild import load, read_baseline
from attnaudit.report.registry import find
from attnaudit.report.schema import dumps, with_meaning
from attnaudit.report.warnings import with_warnings
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions
from tests.sealed import contents, sealed

N = 120  # instances, half of each class
SEEDS = (1, 2, 3, 4, 5)
NAMES = [one.name for one in FINDINGS]
LEARNED, UNIFORM = ({"model": "converged", "attention": name} for name in ("learned", "uniform"))


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 200))


@pytest.fixture(scope="module")
def header(tiny, tmp_path_factory):
    """A header as `run_questions` writes it."""
    path = tmp_path_factory.mktemp("header") / "permute.jsonl"
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml", records=path)
    run_questions([(QUESTION, PermuteSettings(permutations=1))], job, None, Silent())
    return read_records(path)[0], path


@pytest.fixture
def permuted(header):
    return header[1]


# What `probe` trains, and on every how many texts that is wrong.
PROBES = [
    *(({"guide": guide}, 10) for guide in ("trained", "base", "position")),
    *(({"guide": guide}, 3) for guide in ("uniform", "shuffled", "untrained")),
    *(({"removed": arm}, wrong) for arm, wrong in (("attended", 3), ("other", 10))),
]


def of_run(run, wrong, split="test", **more):
    """The records of a model that is wrong on every `wrong`-th instance."""
    made = []
    if "removed" in run:
        more["words_removed"] = 1
    for row in range(N):
        gold = row % 2
        said = 1 - gold if wrong and (row // 2) % wrong == 0 else gold
        record = {"run": {**run, "split": split}, "row": row, "id": f"{split} {row}"}
        record |= {"gold": gold, "predicted": said, "words": 3, "outside": 0.0}
        record |= {"probs": [0.1, 0.9] if said else [0.9, 0.1], "attention": [0.5, 0.3, 0.2]}
        made.append({**record, **more})
    if run.get("model") == "converged":
        made[0]["training"] = {"epochs": 9, "stopped": True, "dev_loss": 0.3}
    return made


@pytest.fixture(scope="module")
def make_records(header, tmp_path_factory):
    """Records of seed-baseline or probe, of models that answer much as the audited one."""

    @cache
    def make(audit, seed=0, **dataset):
        made = of_run({"model": "base"}, 10)
        if audit == "seed-baseline":
            settings = {"seeds": len(SEEDS), "seed": seed, "text": False}
            kinds = [({"model": "seed"}, 10), (LEARNED, 10), (UNIFORM, 3)]
        else:
            settings = {"seeds": len(SEEDS), "guides": [], "seed": seed, "text": False}
            kinds = PROBES
        for kind, wrong in kinds:
            for seed in SEEDS:
                made += of_run({**kind, "seed": seed}, wrong + seed % 2, jsd=0.1, tvd=0.02)
        facts = header[0].dataset.model_copy(update={"instances": N, **dataset})
        changed = {"audit": audit, "settings": settings, "dataset": facts}
        path = tmp_path_factory.mktemp("records") / f"{audit}.jsonl"
        with RecordsWriter(path, header[0].model_copy(update=changed)) as writer:
            writer.write(made)
            writer.finish()
        return path

    return make


@pytest.fixture
def records(make_records, tmp_path):
    """Write such records into a folder of the test's own."""

    def write(audit, name=None, **changed):
        return Path(
            shutil.copy(make_records(audit, **changed), tmp_path / (name or f"{audit}.jsonl"))
        )

    return write


@pytest.fixture
def both(records):
    return [records("seed-baseline"), records("probe")]


@pytest.fixture
def as_json(tmp_path):
    """The report of a file as JSON, with some of its fields changed."""

    def write(path, name="report.json", **changed):
        report = load(path)[0].report.model_copy(update=changed)
        report = with_controls(with_meaning(report))
        (tmp_path / name).write_text(dumps(report), encoding="utf-8")
        return tmp_path / name

    return write


def finding(status, **more):
    return Finding(status=status, reason=f"it is {status}", **more)


def some(**found):
    """Findings, those that are not given unassessed."""
    return {name: found.get(name, finding("not_assessed")) for name in NAMES}


# One file


def test_records_of_one_audit_stay_what_they_are(permuted):
    made = combine([permuted])
    assert made.report == with_warnings(load(permuted)[0].report)
    assert made.report.audit == "permute"
    assert list(made.summaries) == ["permute"]


def test_records_of_one_audit_give_the_findings_they_can(both):
    alone = load(both[0])[0].report
    assert {f.status for f in alone.findings.values()} == {"not_assessed"}
    report = combine(both[:1]).report
    assert report.findings["necessary"].status == "for"
    assert report.findings["out_of_context"].reason == OUT_OF_CONTEXT.needs
    assert report.meaning != alone.meaning
    as_alone = {"findings": alone.findings, "meaning": alone.meaning}
    assert report.model_copy(update=as_alone) == with_controls(alone)


def test_a_report_of_one_audit_is_shown_as_it_stands(as_json, both):
    path = as_json(both[0], findings=some(necessary=finding("against")))
    made = combine([path], deltas=Deltas(necessary=0.5))
    assert dumps(made.report) == path.read_text()
    assert made.summaries == {}


# Several


def test_metrics_tables_and_findings_come_together(permuted, both):
    paths = [permuted, *both]
    report = combine(paths, command_line=["attnaudit", "report"]).report
    parts = [load(path)[0].report for path in paths]
    assert report.audit == "report"
    for part in parts:
        assert report.metrics.keys() >= part.metrics.keys()
        assert report.tables.keys() >= part.tables.keys()
        assert report.settings[part.audit] == part.settings
        for name in part.metrics.keys() - parts[0].metrics.keys():
            assert report.metrics[name] == part.metrics[name]
    assert report.metrics["model.f1"] == parts[0].metrics["model.f1"]
    assert next(iter(report.tables)) == "evidence"
    assert not report.tables["evidence"].detail
    assert list(report.tables)[1] == "controls"
    parts = [table for name, table in report.tables.items() if name not in ("evidence", "controls")]
    assert all(table.detail for table in parts)
    assert report.manifest.command_line == ["attnaudit", "report"]
    assert {str(path) for path in paths} <= report.manifest.files.keys()
    assert {name: f.status for name, f in report.findings.items()} == {
        "necessary": "for",
        "stable": "for",
        "hard_to_manipulate": "not_assessed",
        "out_of_context": "for",
    }
    assert len(report.notes) == len(set(report.notes))


def test_the_order_of_the_files_decides_nothing_but_the_order(both):
    one, other = (combine(paths).report for paths in (both, both[::-1]))
    assert one.metrics == other.metrics
    assert one.findings == other.findings
    assert one.tables == other.tables
    assert list(one.metrics) != list(other.metrics)


def test_deltas_decide_the_findings(both):
    found = {}
    for delta in (0.01, 0.9):
        findings = combine(both, deltas=Deltas(out_of_context=delta)).report.findings
        assert findings["out_of_context"].delta == delta
        assert findings["necessary"].delta == 0.01
        found[delta] = findings["out_of_context"].status
    assert found == {0.01: "for", 0.9: "against"}
    needless = combine(both, deltas=Deltas(necessary=0.9)).report.findings
    assert needless["necessary"].status == "against"
    assert needless["out_of_context"].status == "not_assessable"


def test_a_limit_leaves_no_finding(records):
    paths = [records("seed-baseline", partial=True), records("probe")]
    report = combine(paths).report
    assert report.dataset.partial
    assert {f.status for f in report.findings.values()} == {"not_assessed"}
    assert "limit" in report.findings["necessary"].reason


def test_gates_are_judged_on_the_whole(both, tmp_path):
    (tmp_path / "p.yaml").write_text(
        "gates:\n"
        "  - {id: one, metric: necessity.score_gap, min: 0.01}\n"
        "  - {id: other, metric: probe.base.score, min: 0.999}\n"
        "  - {id: said, finding: out_of_context, in: [for]}\n"
    )
    demands = Demands(date(2026, 1, 1), load_policy(tmp_path / "p.yaml"))
    gates = combine(both, demands).report.gates
    assert [(g.id, g.status) for g in gates] == [
        ("one", "pass"),
        ("other", "fail"),
        ("said", "pass"),
    ]
    alone = combine(both[:1], demands).report.gates
    assert [g.status for g in alone] == ["pass", "inconclusive", "inconclusive"]


def test_an_older_report_of_the_same_files_is_a_baseline(both, as_json, tmp_path):
    (tmp_path / "old.json").write_text(dumps(combine(both).report), encoding="utf-8")
    demands = Demands(date(2026, 1, 1), None, read_baseline(tmp_path / "old.json"))
    report = combine(both, demands).report
    assert [(g.id, g.status) for g in report.gates] == [("baseline", "pass")]
    assert report.tables["baseline"].rows == []
    (tmp_path / "one.json").write_text(dumps(load(both[0])[0].report), encoding="utf-8")
    demands = Demands(date(2026, 1, 1), None, read_baseline(tmp_path / "one.json"))
    with pytest.raises(
        InputError, match="is a baseline of seed-baseline, but this report is of report"
    ):
        combine(both, demands)


# Reports without records


def test_findings_of_reports_are_taken_as_they_stand(both, as_json):
    against = finding("against", scope="there")
    one = as_json(both[0], "one.json", findings=some(necessary=against))
    context = finding("for", scope="here")
    other = as_json(both[1], "other.json", findings=some(out_of_context=context))
    made = combine([one, other], deltas=Deltas(necessary=0.9))
    assert made.summaries == {}
    assert made.report.findings["necessary"] == against
    assert made.report.findings["out_of_context"] == context
    assert made.report.findings["hard_to_manipulate"].status == "not_assessed"


def test_the_first_report_that_has_assessed_a_finding_prevails(both, as_json):
    said = [finding(status) for status in ("not_assessed", "inconclusive")]
    one, other = (
        as_json(path, f"{k}.json", findings=some(necessary=said[k])) for k, path in enumerate(both)
    )
    assert combine([one, other]).report.findings["necessary"] == said[1]
    one = as_json(both[0], "0.json", findings=some(necessary=finding("for")))
    assert combine([one, other]).report.findings["necessary"].status == "for"
    assert combine([other, one]).report.findings["necessary"].status == "inconclusive"


def test_records_prevail_over_what_a_report_says(both, as_json):
    findings = some(necessary=finding("against"), out_of_context=finding("against"))
    probe = as_json(both[1], findings=findings)
    made = combine([probe, both[0]])
    assert list(made.summaries) == ["seed-baseline"]
    assert made.report.findings["necessary"].status == "for"
    # Of the probe there are no records here.
    assert made.report.findings["out_of_context"].reason == OUT_OF_CONTEXT.needs


def test_reports_without_findings_are_no_mistake(both, as_json):
    paths = [as_json(path, f"{k}.json", findings={}) for k, path in enumerate(both)]
    assert combine(paths).report.findings == {}


# What does not go together


@pytest.mark.parametrize("what", ["model", "data set", "split"])
def test_only_one_model_data_set_and_split_go_together(both, as_json, what):
    report = load(both[1])[0].report
    changed = {
        "model": {"model": report.model.model_copy(update={"sha256": "ab" * 32})},
        "data set": {"dataset": report.dataset.model_copy(update={"sha256": "ab" * 32})},
        "split": {"dataset": report.dataset.model_copy(update={"split": "dev"})},
    }
    other = as_json(both[1], **changed[what])
    with pytest.raises(InputError, match=rf"report\.json: has another {what} than .*seed-base"):
        combine([both[0], other])


def test_two_reports_of_one_audit_are_refused(both, as_json, records):
    for second in (both[0], as_json(both[0]), records("seed-baseline", "again.jsonl")):
        with pytest.raises(InputError, match="is a second report of seed-baseline; the first is"):
            combine([*both, second])


def test_a_combined_report_can_be_combined_further(permuted, both, tmp_path):
    (tmp_path / "whole.json").write_text(dumps(combine(both).report), encoding="utf-8")
    again = combine([tmp_path / "whole.json", permuted]).report
    assert again.findings == combine(both).report.findings
    assert "permute.tvd.median" in again.metrics
    json.loads(dumps(again))


# Columns


def test_columns_of_the_same_instances_are_columns():
    one = Columns(["a", "b"], [None, None], {"x": [1, 2], "y": [3, 4]})
    same = Columns(["a", "b"], [None, None], {"y": [9, 9], "z": [5, 6]})
    other = Columns(["a", "c"], [None, None], {"w": [7, 8]})
    joined = _columns([None, one, same, other])
    assert joined == Columns(["a", "b"], [None, None], {"x": [1, 2], "y": [3, 4], "z": [5, 6]})
    assert _columns([None, None]) is None


# Intervals


def spread(most, seed):
    """(N,) numbers up to `most` that differ from text to text."""
    return np.random.default_rng(seed).beta(2, 3, N).round(6) * most


@pytest.fixture
def trained(header, tmp_path):
    """Write records of all three questions that train models, with figures that vary."""

    def write(jsd_of_seeds, jsd_of_imitators, seed):
        few = {"seeds": len(SEEDS), "seed": seed, "text": False}
        paths = []
        for audit, settings, kinds in (
            (
                "seed-baseline",
                few,
                [({"model": "seed"}, 10, jsd_of_seeds), (LEARNED, 10, 0.1), (UNIFORM, 3, 0.3)],
            ),
            (
                "model-adversary",
                {**few, "lambdas": [0.0, 0.01, 0.1]},
                [
                    ({"lambda": x, "start": start}, 10, jsd_of_imitators + x / 2)
                    for x in (0.0, 0.01, 0.1)
                    for start in ("scratch", "warm")
                ],
            ),
            (
                "probe",
                {**few, "guides": []},
                [(kind, wrong, 0.3) for kind, wrong in PROBES],
            ),
        ):
            made = []
            for split in ("dev", "test"):
                made += of_run({"model": "base"}, 10, split)
                for kind, wrong, jsd in kinds:
                    for number in SEEDS:
                        some = of_run({**kind, "seed": number}, wrong + number % 3, split)
                        moves = 0.04 if "lambda" not in kind else 0.02
                        far = spread(jsd, number), spread(moves, number)
                        for record, here, moved in zip(some, *far, strict=True):
                            record |= {"jsd": float(here), "tvd": float(moved)}
                        made += some
            facts = header[0].dataset.model_copy(update={"instances": N})
            changed = {"audit": audit, "settings": settings, "dataset": facts}
            paths.append(tmp_path / f"{audit}.jsonl")
            with RecordsWriter(paths[-1], header[0].model_copy(update=changed)) as writer:
                writer.write(made)
                writer.finish()
        return paths

    return write


@pytest.mark.parametrize("seed", [0, 7])
def test_a_figure_has_one_interval_wherever_it_stands(trained, seed):
    report = combine(trained(0.1, 0.1, seed)).report
    hard = report.findings["hard_to_manipulate"]
    assert hard.metric == UNITS_EXCESS
    assert {UNITS_EXCESS, ADVERSARY_EXCESS} <= report.metrics.keys()
    assert "adversary.budget" in report.tables
    for finding in report.findings.values():
        if finding.metric is None:
            continue
        metric = report.metrics[finding.metric]
        assert finding.statistic == metric.value
        assert finding.interval == [metric.ci_low, metric.ci_high]
        low, high = find(finding.metric).range
        assert metric.ci_low < metric.value or metric.value == low
        assert metric.value < metric.ci_high or metric.value == high


@pytest.mark.whole  # six seconds
def test_the_seed_of_the_settings_moves_no_interval(trained):
    one, other = (combine(trained(0.1, 0.1, seed)).report.metrics for seed in (0, 7))
    assert one == other


def test_no_interval_leaves_the_range_and_none_has_no_width(trained, permuted):
    report = combine([permuted, *trained(0.1, 0.1, 0)]).report
    scores = 0
    for name, metric in report.metrics.items():
        if metric.ci_low is None:
            continue
        low, high = find(name).range
        assert low is None or low <= metric.ci_low, name
        assert high is None or metric.ci_high <= high, name
        assert metric.ci_low <= metric.value <= metric.ci_high
        if name.endswith(("accuracy", "f1", "auroc", "flips", "unmoved", "gap", "tvd.mean")):
            assert metric.ci_low < metric.ci_high, name
            scores += 1
    assert scores > 15


def test_findings_need_one_reading(records, tmp_path):
    seeds, probes = records("seed-baseline"), records("probe")
    header, *lines, _ = contents(probes)
    header["settings"]["reading"] = "max"
    other = tmp_path / "other.jsonl"
    other.write_bytes(sealed(header, lines))
    with pytest.raises(InputError, match=r"shows attention by the reading max, and .* by mean"):
        combine([seeds, other])


def test_readings_that_differ_are_told(permuted, both, tmp_path):
    header, *lines, _ = contents(permuted)
    header["settings"]["reading"] = "head0"
    other = tmp_path / "other.jsonl"
    other.write_bytes(sealed(header, lines))
    notes = combine([other, both[0]]).report.notes
    assert any("head0: permute; mean: seed-baseline" in note for note in notes)
    assert not any(
        "different readings" in note for note in combine([permuted, both[0]]).report.notes
    )
