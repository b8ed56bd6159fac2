"""Lock files: what they hold against a run, and which are refused."""

from __future__ import annotations

import json

import pytest

from attnaudit.errors import InputError
from attnaudit.report.lock import dumps, read_lock

MADE = "2026-03-01T10:00:00Z"
PLANNED = {
    "policy": "a" * 64,
    "permute.seed": 0,
    "text": False,
    "deltas.stable": 0.5,
    "limit": None,
}


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(dumps(PLANNED, "0.1.0", MADE, ["attnaudit", "audit"]))
    return path


def test_a_run_that_kept_to_the_plan(lock):
    facts = read_lock(lock).facts(PLANNED, MADE)
    assert (facts.file, facts.made, facts.differences) == (str(lock), MADE, [])


def test_each_difference_is_named(lock):
    done = {**PLANNED, "policy": None, "permute.seed": 1, "text": True, "erase.seed": 3}
    del done["limit"]
    assert read_lock(lock).facts(done, "2026-03-01T09:59:59Z").differences == [
        "erase.seed: planned nothing, done 3",
        "limit: planned none, done nothing",
        "permute.seed: planned 0, done 1",
        "policy: planned aaaaaaaaaaaa..., done none",
        "text: planned false, done true",
        "the first records were begun at 2026-03-01T09:59:59Z, before the plan was locked",
    ]


def changed(lock, **parts):
    content = json.loads(lock.read_text())
    lock.write_text(json.dumps(content | parts))


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"planned": {"permute.seed": 1}}, "was changed after it was written"),
        ({"made": "2025-01-01T00:00:00Z"}, "was changed after it was written"),
        ({"digest": "0" * 64}, "was changed after it was written"),
        ({"more": 1}, "was changed after it was written"),
        ({"kind": "attnaudit-records"}, "is not a lock file"),
        ({"lock_version": 2}, "has lock version 2, but this attnaudit reads version 1"),
    ],
)
def test_tampered_and_foreign_files_are_refused(lock, parts, says):
    changed(lock, **parts)
    with pytest.raises(InputError, match=says):
        read_lock(lock)


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", "\x00", '{"kind": NaN}'])
def test_what_is_no_lock_file_is_refused(lock, text):
    lock.write_text(text)
    with pytest.raises(InputError, match=r"lock file|JSON"):
        read_lock(lock)
