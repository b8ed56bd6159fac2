import json

import pytest

from attnaudit.calibration import running
from attnaudit.calibration.plants import PLANTS
from attnaudit.calibration.running import QUICK, Found, Notes, document, run, tasks_of
from attnaudit.execution.observer import Silent
from attnaudit.execution.units import Here
from attnaudit.findings.desiderata import FINDINGS
from attnaudit.records.calibration import deciding_code


def as_expected(plant, seed=1000):
    statuses = {name: s.removeprefix("never ") for name, s in PLANTS[plant].expected.items()}
    never = [name for name, s in PLANTS[plant].expected.items() if s.startswith("never ")]
    return Found(plant, seed, {**statuses, **dict.fromkeys(never, "inconclusive")}, 1.5)


@pytest.fixture
def quickly(monkeypatch):
    """Tasks that are done at once, and the list of those that were done."""
    done = []

    def work(task):
        done.append(task)
        return as_expected(*task)

    monkeypatch.setattr(running, "work", work)
    return done


def test_a_run_goes_on_from_its_notes(quickly, tmp_path):
    notes, tasks = Notes(tmp_path / "notes.jsonl"), tasks_of(["marker", "shift"], range(7, 9))
    assert len(list(run(tasks[:3], Here(), notes, Silent()))) == 3
    found = list(run(tasks, Here(), notes, Silent()))
    assert quickly == tasks
    assert [(one.plant, one.seed) for one in found] == tasks
    assert found[0] == as_expected(*tasks[0])
    notes.clear()
    assert not notes.path.exists()
    assert notes.read(tasks) == {}


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[: len(line) // 2],
        lambda line: line.replace(deciding_code(), "0" * 64),
        lambda line: line.replace('"necessary"', '"needless"'),
        lambda line: line.replace('"for"', "1"),
        lambda line: line.replace("marker", "nothing"),
        lambda line: line.replace("1.5", '"long"'),
        lambda line: "[]",
        lambda line: "null",
    ],
)
def test_a_line_that_says_something_else_is_done_again(quickly, tmp_path, damage):
    notes, tasks = Notes(tmp_path / "notes.jsonl"), tasks_of(["marker"], [7])
    list(run(tasks, Here(), notes, Silent()))
    notes.path.write_text(damage(notes.path.read_text().strip()) + "\n")
    assert list(run(tasks, Here(), notes, Silent())) == [as_expected("marker", 7)]
    assert quickly == tasks * 2


def test_nothing_is_kept_without_a_path(quickly):
    assert len(list(run(tasks_of(["marker"], [7]), Here(), Notes(None), Silent()))) == 1


def test_a_task_that_fails_each_time_ends_the_run(monkeypatch):
    def work(task):
        raise RuntimeError("no base model learned the task")

    monkeypatch.setattr(running, "work", work)
    with pytest.raises(RuntimeError, match="no base model"):
        list(run(tasks_of(["marker"], [7]), Here(), Notes(None), Silent()))


def test_the_document_says_what_was_run():
    made = document([as_expected(name) for name in ("shift", "marker")], quick=False)
    assert made.first_seed == 1000
    assert made.seeds == 1
    assert made.code == deciding_code()
    assert list(made.verdicts) == ["marker", "shift"]
    assert made.plants("holds") == ["marker", "shift"]
    assert made.seconds == {"marker": 1.5, "shift": 1.5}
    assert json.loads(made.model_dump_json())["table"][0]["finding"] == "necessary"


def test_the_longest_come_first():
    ordered = [name for name, _ in tasks_of(PLANTS, [1])]
    spent = [running.SECONDS[name] for name in ordered]
    assert spent == sorted(spent, reverse=True)
    assert sorted(ordered) == sorted(PLANTS)


def test_what_is_quick_asks_for_every_finding_and_for_its_contrary():
    for finding in FINDINGS:
        asked = {PLANTS[name].expected.get(finding.name) for name in QUICK} - {None}
        assert asked & {"for", "never against"}, finding.name
        assert asked & {"against", "never for"}, finding.name
