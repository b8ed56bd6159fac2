from __future__ import annotations

import json
import math
import re
import sys
from contextlib import contextmanager
from datetime import date

import numpy as np
import pytest

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.importance import IMPORTANCES
from attnaudit.questions import find_question
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.records.reading import read_records
from attnaudit.report.combine import combine
from attnaudit.report.demands import Demands
from attnaudit.report.policy import load_policy
from attnaudit.report.rebuild import read_baseline
from attnaudit.report.schema import dumps
from attnaudit.running.job import Job
from attnaudit.running.run import ask_questions
from tests.sealed import body, contents, sealed

LIGHT = CorrelateSettings(measures=("gradient", "random"))
POLICY = """\
gates:
  - {id: accurate, metric: model.accuracy, min: 0.01}
  - {id: agrees, metric: correlate.gradient.tau.mean, min: 0.99}
"""


@pytest.fixture
def pair(tiny):
    return tiny / "model.pt", tiny / "data.yaml"


def timeless(report):
    content = json.loads(dumps(report))
    for key in ("started", "finished", "command_line"):
        del content["manifest"][key]
    return content


def test_two_runs_with_one_seed_are_the_same(run, pair, tmp_path):
    one, two = (run(*pair, seed=4, records=tmp_path / name, limit=9) for name in ("one", "two"))
    assert timeless(one) == timeless(two)
    assert body(tmp_path / "one") == body(tmp_path / "two")
    other = run(*pair, seed=5, limit=9)
    assert other.metrics["correlate.random.tau.mean"] != one.metrics["correlate.random.tau.mean"]
    same = "correlate.leave_one_out.tau.mean"
    assert other.metrics[same].value == one.metrics[same].value


def numbers(value):
    if isinstance(value, dict):
        return [x for v in value.values() for x in numbers(v)]
    if isinstance(value, list):
        return [x for v in value for x in numbers(v)]
    return [value] if isinstance(value, float) else []


def test_the_token_budget_decides_no_figure(run, pair, tmp_path):
    for budget in (64, 16_384):
        run(*pair, records=tmp_path / str(budget), batch_tokens=budget, limit=12)
    small, large = (body(tmp_path / name) for name in ("64", "16384"))
    assert len(small) == len(large) == 13
    for one, other in zip(small, large, strict=True):
        one, other = json.loads(one), json.loads(other)
        assert one.get("id") == other.get("id")
        assert numbers(one) == pytest.approx(numbers(other), abs=1e-5)


def test_double_precision_agrees_with_single(run, pair, tmp_path):
    for dtype in ("float32", "float64"):
        run(*pair, records=tmp_path / dtype, dtype=dtype, limit=8)
    for one, other in zip(*(body(tmp_path / d) for d in ("float32", "float64")), strict=True):
        assert numbers(json.loads(one)) == pytest.approx(numbers(json.loads(other)), abs=5e-5)


def test_report_is_made_again_from_records_alone(run, pair, tmp_path):
    report = run(*pair, records=tmp_path / "r.jsonl", command_line=["attnaudit", "correlate"])
    assert combine([tmp_path / "r.jsonl"]).report == report
    (tmp_path / "r.json").write_text(dumps(report), encoding="utf-8")
    assert combine([tmp_path / "r.json"]).report == report


def test_report_names_what_was_audited(run, pair):
    model, data = pair
    report = run(*pair, settings=LIGHT, batch_tokens=999)
    assert report.model.name == str(model)
    facts = report.model.model_dump()
    assert facts["labels"] == ["negative", "positive"]
    assert facts["recipe"]["encoder"] == "bilstm"
    assert facts["parameters"] > 0
    assert (report.dataset.name, report.dataset.split) == (str(data), "test")
    assert report.dataset.model_dump()["unit"] == "word"
    test = data.parent / "test.jsonl"
    assert report.manifest.files == {
        str(test): report.dataset.sha256,
        str(model): report.model.sha256,
    }
    assert report.manifest.settings["batch_tokens"] == 999
    assert report.settings == LIGHT.model_dump(mode="json")
    for metric in report.metrics.values():
        assert metric.value is None or math.isfinite(metric.value)


class Interrupting(Silent):
    """Presses Ctrl-C after so many batches."""

    def __init__(self, batches):
        self.left = batches

    def advance(self, steps=1, info=""):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


class Listening(Silent):
    """Notes what is said."""

    def __init__(self):
        self.said = []

    def say(self, remark):
        self.said.append(remark)


class Counting(Silent):
    """Notes the size of each task."""

    def __init__(self):
        self.totals = []

    @contextmanager
    def task(self, title, total, done=0):
        self.totals.append(total - done)
        yield self


@pytest.mark.parametrize("after", [1, 3])
def test_interrupted_run_goes_on_to_the_same_records(run, pair, tmp_path, after):
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    expected = run(*pair, settings=LIGHT, records=whole, batch_tokens=150)
    with pytest.raises(KeyboardInterrupt):
        run(
            *pair,
            settings=LIGHT,
            records=part,
            batch_tokens=150,
            observer=Interrupting(after),
        )
    partial = tmp_path / "part.jsonl.partial"
    assert not part.exists()
    made = len(body(partial))
    assert 0 < made < 30

    counting = Counting()
    report = run(
        *pair, settings=LIGHT, records=part, batch_tokens=150, resume=True, observer=counting
    )
    assert counting.totals == [30 - made]
    assert body(part) == body(whole)
    assert not partial.exists()
    assert report.metrics == expected.metrics


def test_resuming_another_run_keeps_what_there_is(run, pair, tmp_path):
    records = tmp_path / "r.jsonl"
    job = {"records": records, "batch_tokens": 150}
    changes = ({"settings": CorrelateSettings(measures=("random",))}, {"limit": 20})
    for number, changed in enumerate(changes, start=1):
        with pytest.raises(KeyboardInterrupt):
            run(*pair, settings=LIGHT, **job, observer=Interrupting(1))
        left = (tmp_path / "r.jsonl.partial").read_bytes()
        listener = Listening()
        run(*pair, **job, resume=True, observer=listener, **{"settings": LIGHT, **changed})
        (said,) = listener.said
        assert "belongs to another run" in said
        assert (tmp_path / f"r.jsonl.partial.old{number}").read_bytes() == left


def test_a_limit_marks_the_report_partial(run, pair):
    assert not run(*pair, settings=LIGHT).dataset.partial
    limited = run(*pair, settings=LIGHT, limit=7).dataset
    assert (limited.partial, limited.instances) == (True, 7)
    assert not run(*pair, settings=LIGHT, limit=30).dataset.partial


def test_skipped_and_truncated_rows_are_counted(run, tiny, tmp_path):
    rows = [
        {"text": "", "label": "positive"},
        {"text": "word", "label": "positive"},
        {"text": "two words", "label": "negative"},
        {"text": "too many words here", "label": "positive"},
        {"text": "  ", "label": "negative"},
    ]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (tmp_path / "d.yaml").write_text("file: d.jsonl\nmax_length: 3\n")
    facts = run(tiny / "model.pt", tmp_path / "d.yaml", settings=LIGHT).dataset
    assert facts.skipped == {"empty": 2, "one_word": 1}
    assert (facts.instances, facts.truncated) == (2, 1)


def test_other_splits_can_be_asked_for(run, pair):
    assert run(*pair, settings=LIGHT, split="dev").dataset.instances == 20
    with pytest.raises(InputError, match="did you mean 'train'"):
        run(*pair, settings=LIGHT, split="trian")


def test_gates_are_judged_in_the_run_and_anew(run, pair, tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)
    demands = Demands(date(2026, 1, 1), load_policy(tmp_path / "p.yaml"))
    records = tmp_path / "r.jsonl"
    report = run(*pair, demands=demands, settings=LIGHT, records=records, split="train")
    assert [(g.id, g.status) for g in report.gates] == [("accurate", "pass"), ("agrees", "fail")]
    assert combine([records], demands).report == report
    assert combine([records]).report.gates == []
    (tmp_path / "r.json").write_text(dumps(report), encoding="utf-8")
    assert combine([tmp_path / "r.json"]).report.gates == report.gates
    only = POLICY.partition("  - {id: agrees")[0]
    (tmp_path / "p.yaml").write_text(only)
    demands = Demands(date(2026, 1, 1), load_policy(tmp_path / "p.yaml"))
    gates = combine([tmp_path / "r.json"], demands).report.gates
    assert [g.id for g in gates] == ["accurate"]


def test_pieces_can_be_the_unit(run, pair):
    assert run(*pair, settings=LIGHT, pieces=True).dataset.model_dump()["unit"] == "piece"


def without(*path):
    def change(lines):
        target = lines
        for key in path[:-1]:
            target = target[key]
        del target[path[-1]]

    return change


def setting(value, *path):
    def change(lines):
        target = lines
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


DAMAGES = {
    "no attention": without(1, "attention"),
    "no gold": without(2, "gold"),
    "no labels": without(0, "model", "labels"),
    "uneven": setting([1.0], 1, "importance", "gradient"),
    "a string": setting("abc", 1, "attention"),
    "three classes": setting([0.2, 0.3, 0.5], 1, "probs"),
    "no words": setting(None, 1, "words"),
    "unknown class": setting(7, 1, "gold"),
    "unknown setting": setting(1, 0, "settings", "new"),
    "unknown measure": setting(["foo"], 0, "settings", "measures"),
    "no measure": setting([], 0, "settings", "measures"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_changed_records_are_refused(run, pair, tmp_path, damage):
    records = tmp_path / "r.jsonl"
    run(*pair, settings=LIGHT, records=records, limit=4)
    lines = contents(records)
    DAMAGES[damage](lines)
    records.write_bytes(sealed(lines[0], lines[1:-1]))
    says = (
        "(does not contain what records of correlate must contain|is not a record of this "
        "kind|has 3 classes)"
    )
    with pytest.raises(InputError, match=rf"^{re.escape(str(records))}(:[23])?: {says}"):
        combine([records])


def test_records_of_no_instance_are_refused(run, pair, tmp_path):
    records = tmp_path / "r.jsonl"
    run(*pair, settings=LIGHT, records=records, limit=4)
    records.write_bytes(sealed(contents(records)[0], []))
    with pytest.raises(InputError, match=":2: contains records of 0 texts, but its header says 4"):
        combine([records])


def test_only_known_audits_are_found():
    assert find_question("correlate").name == "correlate"
    with pytest.raises(InputError, match="no audit 'nothing'"):
        find_question("nothing")


PLUGIN = """\
from attnaudit.models.classic.classifier import Recipe, build_classic

def make(spec, seed):
    make.words = spec.vocabulary.words
    return build_classic(Recipe(encoder="average", embedding=4, hidden=4), spec, seed)
"""


def test_own_model_gets_the_words_of_the_train_split(run, tiny, tmp_path, monkeypatch):
    (tmp_path / "own_average.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    report = run("own_average:make", tiny / "data.yaml", settings=LIGHT)
    assert report.model.model_dump()["kind"] == "plugin"
    train = (tiny / "train.jsonl").read_text().splitlines()
    seen = {word for line in train for word in json.loads(line)["text"].split()}
    assert set(sys.modules.pop("own_average").make.words) == seen


def test_every_measure_is_in_the_records(run, pair, tmp_path):
    run(*pair, records=tmp_path / "r.jsonl", limit=3)
    first = json.loads(body(tmp_path / "r.jsonl")[0])
    assert list(first["importance"]) == [m for m in IMPORTANCES if not m.endswith("_mask")]


@pytest.mark.parametrize("name", ["correlate", "permute"])
def test_columns_are_what_the_means_are_means_of(run, pair, tmp_path, name):
    audit, records = find_question(name), tmp_path / "r.jsonl"
    run(*pair, audit=name, settings=audit.settings(), records=records)
    header, kept = read_records(records)
    settings = audit.settings.model_validate_json(json.dumps(header.settings))
    summary = audit.summarise(kept, settings, header.model.model_dump()["labels"])
    ids = [json.loads(line)["id"] for line in body(records)[:-1]]
    assert list(summary.columns.ids) == ids
    for metric, column in summary.columns.values.items():
        assert column.shape == (len(ids),)
        assert np.nanmean(column) == pytest.approx(summary.metrics[metric].value)
        assert np.isnan(column).sum() == summary.metrics[metric].undefined
    means = {m for m in summary.metrics if m.endswith((".mean", ".significant", ".unmoved"))}
    assert means <= set(summary.columns.values)


def test_a_baseline_of_other_data_is_refused_before_any_work(run, pair, tmp_path):
    run(*pair, settings=LIGHT, records=tmp_path / "old.jsonl")
    demands = Demands(date(2026, 1, 1), None, read_baseline(tmp_path / "old.jsonl"))
    counting = Counting()
    with pytest.raises(InputError, match=r"old\.jsonl: is a baseline on the split 'test'"):
        run(*pair, settings=LIGHT, demands=demands, split="dev", observer=counting)
    assert counting.totals == []
    same = run(*pair, settings=LIGHT, demands=demands)
    assert {c[1] for c in same.tables["baseline_detail"].rows} >= {"no change"}


def test_a_run_gives_what_its_figures_are_drawn_from(pair):
    job = Job(str(pair[0]), pair[1], limit=5)
    made = ask_questions([(find_question("correlate"), LIGHT)], job, None, Silent())
    assert set(made.summaries) == {"correlate"}
    assert find_question("correlate").figures(made.summaries, made.labels)
    assert made.gallery is None
