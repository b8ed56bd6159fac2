"""The oracles find what they are to find, and the harness bounds what it runs."""

from __future__ import annotations

import json
import time

import pytest

from attnaudit.cli import main as entry
from tests.fuzz import oracles, program
from tests.fuzz.__main__ import Tally, signature
from tests.fuzz.edits import CHANGES, DAMAGES, ODD_VALUES, Change, Damage, changed, damaged
from tests.fuzz.known import KNOWN, known
from tests.fuzz.targets import TARGETS

TREE = {"a": [1, 2, {"b": "c"}], "d": None}


def ended(**changes):
    told = {"code": 0, "out": "", "err": "", "seconds": 0.1, "grown": 0}
    return program.Ended(**{**told, **changes})


def found(tmp_path, **changes):
    return list(oracles.faults(ended(**changes), tmp_path, oracles.digests(tmp_path), ("report",)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"code": 3}, "exit code 3"),
        ({"code": -9}, "exit code -9"),
        ({"code": 2}, "0 lines that say why"),
        ({"code": 2, "err": "error: a\nerror: b\n"}, "2 lines that say why"),
        ({"code": 2, "err": "error: internal error: KeyError: 'x'; ..."}, "internal error"),
        ({"err": "Traceback (most recent call last):\nKeyError: 1\n"}, "traced: KeyError: 1"),
        ({"escaped": "...\nKeyError: 3"}, "escaped: KeyError: 3"),
        ({"escaped": "...\ntests.OvertimeError: more"}, "slow"),
        ({"seconds": 11.0}, "slow: 11.0 s"),
        ({"grown": 2 << 30}, "large: 2048 MB"),
        ({"warned": ["careful"]}, "warning: careful"),
        ({"out": "a\x1b[31m"}, "control character"),
        ({"err": "a\u202eb"}, "control character"),
        ({"out": "a\n::error::x\n"}, "workflow command"),
        ({"err": "##[error]x\n"}, "workflow command"),
    ],
)
def test_a_bad_end_is_a_fault(tmp_path, changes, says):
    faults = found(tmp_path, **changes)
    assert any(says in fault for fault in faults), faults


def test_a_good_end_is_none(tmp_path):
    assert found(tmp_path, out="naïve 漢字 0.5\n") == []
    assert found(tmp_path, code=2, err="error: r.jsonl:3: is damaged\n") == []
    assert found(tmp_path, code=130, err="interrupted\n") == []


def test_files_that_are_left_are_looked_at(tmp_path):
    (tmp_path / "in.json").write_text("{}")
    before = oracles.digests(tmp_path)
    (tmp_path / "in.json").write_text("{ }")
    (tmp_path / ".attnaudit-1.tmp").write_text("")
    (tmp_path / "made.jsonl").write_text('{"kind":1}\n{"row":1}\n')
    (tmp_path / "made.html").write_text("<html>")
    faults = list(oracles.faults(ended(), tmp_path, before, ()))
    assert sorted(faults) == [
        "a temporary file is left",
        "made.html is half-written",
        "made.jsonl is half-written",
        "the input in.json was changed",
    ]
    refused = ended(code=2, err="error: no\n")
    assert "exit code 2, and made.html is there" in oracles.faults(refused, tmp_path, before, ())


METRIC = {"value": 0.5, "ci_low": 0.4, "ci_high": 0.6, "reason": None}


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("permute.tvd.median", {"value": 9.0}, "value lies outside its range"),
        ("permute.tvd.median", {"ci_low": -0.1}, "ci_low lies outside its range"),
        ("permute.tvd.median", {"ci_low": 0.7}, "upside down"),
        ("permute.tvd.median", {"value": None}, "missing without a reason"),
        ("permute.tvd.maximal", {}, "unknown metric"),
        ("correlate.gradient.tau.mean", {"value": -1.5}, "outside its range"),
    ],
)
def test_figures_are_held_to_their_ranges(name, changes, says):
    report = {"metrics": {name: {**METRIC, **changes}}, "findings": {}}
    (fault,) = oracles.faults_of_a_report(json.dumps(report))
    assert says in fault


def test_good_figures_and_json_that_is_none():
    report = {"metrics": {"permute.tvd.median": METRIC}, "findings": {}}
    assert list(oracles.faults_of_a_report(json.dumps(report))) == []
    for text, says in (('{"metrics": NaN}', "NaN in JSON"), ("{", "is not JSON")):
        (fault,) = oracles.faults_of_a_report(text)
        assert says in fault


def test_what_takes_too_long_is_ended(monkeypatch, tmp_path):
    def spin(**_):
        while True:
            time.process_time()

    monkeypatch.setattr(program, "SECONDS", 0.2)
    monkeypatch.setattr(entry, "_program", lambda: spin)
    assert "Overtime" in program.run(tmp_path, "report").escaped


def test_what_takes_too_much_memory_is_refused_it(monkeypatch, tmp_path):
    monkeypatch.setattr(entry, "_program", lambda: lambda **_: bytearray(64 << 30))
    stopped = program.run(tmp_path, "report")
    assert (stopped.code, stopped.escaped) == (2, None)
    assert "memory ran out" in stopped.err
    assert entry.app is not None


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_leaves_the_given_tree_as_it_was(what):
    for place in range(12):
        for value in ODD_VALUES:
            changed(TREE, [Change(place, what, value)])
    assert TREE == {"a": [1, 2, {"b": "c"}], "d": None}


def test_changes():
    assert changed(TREE, [Change(1, "delete")]) == {"d": None}
    assert changed(TREE, [Change(2, "replace", 5)]) == {"a": TREE["a"], "d": 5}
    assert changed([1, 2], [Change(1, "double")]) == [1, 1, 2]
    assert changed([1, 2], [Change(1, "nudge")]) == [-1, 2]
    assert changed(TREE, [Change(1, "number", 9)]) == {"a": [1, 9, {"b": "c"}], "d": None}
    assert changed(TREE, [Change(5, "text", "x")]) == {"a": [1, 2, {"b": "x"}], "d": None}
    assert changed([None], [Change(5, "text", "x")]) == [None]


def test_damages():
    data = b"abcdef"
    made = {what: damaged(data, [Damage(2, what, 2, b"X")]) for what in DAMAGES}
    assert made == {
        "flip": b"ab;def",
        "cut": b"ab",
        "drop": b"abef",
        "insert": b"abXcdef",
        "repeat": b"abcdcdcdef",
        "zero": b"ab\0\0ef",
        "swap": b"cdabef",
    }


def test_what_is_known_names_targets_and_a_cause():
    for one in KNOWN:
        assert one.target == "resuming" or any(n.startswith(one.target) for n in TARGETS)
        assert one.why
    assert known("rows-csv", "exit code 3") is None


def test_a_tally_counts_what_differs_once(tmp_path):
    tally = Tally(tmp_path / "failures")
    for number in (1, 2):
        kept = tmp_path / f"kept{number}"
        kept.mkdir()
        (kept / "rows.csv").write_text(f"{number}")
        told = {"target": "rows-csv", "code": 3, "seconds": number, "grown": 0, "seed": 1}
        fault = f"exit code {number}: 'some {number}'"
        tally.add({**told, "case": f"case {number}", "faults": [fault], "kept": str(kept)})
        assert not kept.exists()
    assert tally.seen == {("rows-csv", "exit code N: '...'"): 2}
    assert tally.new == 1
    assert tally.slowest == (2, "case 2")
    (folder,) = (tmp_path / "failures").iterdir()
    assert (folder / "rows.csv").read_text() == "1"
    assert "case 1" in (folder / "failure.txt").read_text()


def test_a_signature_leaves_out_what_changes():
    assert signature("KeyError: 'a' in line 12, 1.5e-3 MB") == "KeyError: '...' in line N, N MB"
