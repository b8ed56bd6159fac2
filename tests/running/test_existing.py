"""An existing model: loaded once, asked everything that trains nothing, and never overwritten."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.findings.desiderata import FINDINGS
from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.questions import find_question
from attnaudit.running import work as working
from attnaudit.running.existing import Existing, default_folder, run_existing
from attnaudit.running.job import Job
from attnaudit.running.planning import taking
from attnaudit.running.planning.taking import RESTS_ON
from attnaudit.running.plans import plan_of_model
from attnaudit.running.run import run_questions
from tests.sealed import body

QUICK = {
    "correlate": {"measures": ["gradient", "random"]},
    "permute": {"permutations": "3"},
    "erase": {"measures": ["gradient"], "optimum_items": "0"},
    "seed-baseline": {"seeds": "5"},
}
DESCRIPTIVE = ("correlate", "permute", "erase", "instance-adversary")


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


def asked(tiny, folder, trains=False, skip=(), **changes):
    plans = [plan_of_model(QUICK, {}, skip, None, trains=one, text=False) for one in (trains, True)]
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml", device="cpu", limit=12)
    return Existing(replace(job, **changes), plans[0], plans[1].without(plans[0]), folder)


@pytest.fixture
def loads(monkeypatch):
    """How often a model was loaded."""
    found, real = [], working.find_model
    monkeypatch.setattr(working, "find_model", lambda *a: found.append(a) or real(*a))
    return found


def test_the_records_are_those_of_the_single_commands(tiny, tmp_path, loads, monkeypatch):
    monkeypatch.setattr(taking, "_parts", lambda *a: ())
    run = asked(tiny, tmp_path / "out", limit=None)
    made = run_existing(run, None, Silent())
    assert len(loads) == 1
    assert tuple(part.header.audit for part in made.parts) == DESCRIPTIVE
    for name, settings in run.plan.settings.items():
        path = tmp_path / f"{name}.jsonl"
        one = replace(run.job, records=path)
        run_questions([(find_question(name), settings)], one, None, Silent())
        assert body(path) == body(tmp_path / "out" / "records" / f"{name}.jsonl")


def test_findings_say_what_they_would_take_and_that_is_estimated_once(tiny, tmp_path, monkeypatch):
    run = asked(tiny, tmp_path, skip=["probe", "correlate", "erase", "adversary"])
    report = run_existing(run, None, Silent()).report
    assert {found.status for found in report.findings.values()} == {"not_assessed"}
    for name in ("necessary", "stable"):
        reason = report.findings[name].reason
        assert reason.startswith("It takes 20 trainings (seed-baseline) with the recipe")
        assert "on this machine, as --dry-run estimates" in reason
        assert "--train" in reason
    assert report.findings["out_of_context"].reason.startswith("Run seed-baseline and probe")
    kept = json.loads((tmp_path / "estimate.json").read_text())
    assert [part["name"] for part in kept["parts"]] == ["seed-baseline"]
    monkeypatch.setattr(taking, "plan_part", lambda *a, **k: pytest.fail("estimated again"))
    again = run_existing(run, None, Silent()).report
    assert again.findings == report.findings
    (tmp_path / "estimate.json").write_text("{}")
    with pytest.raises(pytest.fail.Exception, match="estimated again"):
        run_existing(run, None, Silent())


def test_what_findings_rest_on_is_what_they_ask_to_be_run():
    for one in FINDINGS:
        commands = {find_question(name).command for name in RESTS_ON[one.name]}
        assert all(command in one.needs for command in commands)
        others = {"seed-baseline", "adversary", "probe"} - commands
        assert not any(command in one.needs for command in others)


def test_another_audit_is_not_overwritten(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(taking, "_parts", lambda *a: ())
    out = tmp_path / "out"
    skip = ["correlate", "erase", "adversary"]
    run_existing(asked(tiny, out, skip=skip), None, Silent())
    run_existing(asked(tiny, out, skip=skip, limit=None), None, Silent())  # the rest as well
    before = (out / "records/permute.jsonl").read_bytes()
    dev = tiny / "dev.jsonl"
    for changes, says in (
        ({"limit": 5}, "an audit of all rows"),
        ({"split": "dev"}, "on other data"),
        ({"data": dev}, "on other data"),
    ):
        with pytest.raises(InputError, match=says) as error:
            run_existing(asked(tiny, out, skip=skip, **changes), None, Silent())
        assert error.value.where == out
    assert (out / "records/permute.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("reference", "folder"),
    [
        ("runs/mine/model.pt", "mine-audit"),
        ("runs/mine/model", "mine-audit"),
        ("sst.pt", "sst-audit"),
        ("../models/minilm-sst2", "minilm-sst2-audit"),
        ("owner/bert-v1.5", "bert-v1.5-audit"),
        ("package.module:factory", "factory-audit"),
        ("a b/m*d", "m_d-audit"),
    ],
)
def test_the_folder_has_the_models_name(reference, folder):
    assert default_folder(reference) == Path(folder)


def test_settings_of_attnaudit_yaml_are_taken_as_typed():
    said = {"adversary": {"sweep": "true", "per_instance": "false", "epsilons": ["0.05"]}}
    plan = plan_of_model(said, {"seed": 3, "target": "gold"}, [], None, trains=True, text=True)
    assert "instance-adversary" not in plan.settings
    assert plan.settings["correlate"].target == "gold"
    assert {settings.seed for settings in plan.settings.values()} == {3}
    for bad, says in (({"permute": {"permutations": "0"}}, "permute.permutations"),):
        with pytest.raises(InputError, match=says):
            plan_of_model(bad, {}, [], None, trains=False, text=False)
    with pytest.raises(InputError, match="no test 'permut'"):
        plan_of_model({}, {}, ["permut"], None, trains=False, text=False)
    with pytest.raises(InputError, match="leave no test to run"):
        plan_of_model({}, {}, DESCRIPTIVE, None, trains=False, text=False)
