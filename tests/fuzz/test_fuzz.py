"""Odd files for every command that reads one; `python -m tests.fuzz` tries more, and longer."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz import oracles, program
from tests.fuzz.known import known
from tests.fuzz.targets import TARGETS, Case, cases, execute

EXAMPLES = {1: 8, 2: 5, 4: 3}  # by the cost of a target; `python -m tests.fuzz` runs for hours


@pytest.fixture
def place(tmp_path):
    """A function that gives an empty folder, the same each time."""

    def empty():
        shutil.rmtree(tmp_path / "case", ignore_errors=True)
        (tmp_path / "case").mkdir()
        return tmp_path / "case"

    return empty


@pytest.mark.parametrize("name", list(TARGETS))
def test_valid_files_are_taken(name, fuzz_files, place):
    """Else the odd ones would be refused for another reason than their oddity."""
    target = TARGETS[name]
    for kind in ("bytes", "values"):  # as they are, and written again by the harness
        outcome = execute(Case(target, target.lines[0], (kind, [])), fuzz_files, place())
        assert outcome is not None
        assert outcome.faults == []
        assert outcome.ended.code in ((0, 1) if target.stop_at is None else (0, 1, 130))


@pytest.mark.parametrize("missing", ["encoder", "attention"])
def test_a_recipe_without_its_name_is_no_internal_error(fuzz_files, place, missing):
    """Found by fuzzing: findings name the recipe, and headers are free in what they say of it."""
    folder, form = place(), TARGETS["records-model-adversary"].form
    header, *records = form.read((fuzz_files / "model-adversary.jsonl").read_bytes())
    del header["model"]["recipe"][missing]
    (folder / "r.jsonl").write_bytes(form.seal([header, *records]))
    before = oracles.digests(folder)
    ended = program.run(folder, "report", "r.jsonl")
    assert list(oracles.faults(ended, folder, before, ())) == []
    assert ended.code == 0


@pytest.mark.parametrize("name", list(TARGETS))
def test_odd_files_are_taken_or_refused_in_one_line(name, fuzz_files, place):
    target = TARGETS[name]

    @settings(
        max_examples=EXAMPLES[target.cost],
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # a case has few edits as it is
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(target))
    def check(case):
        outcome = execute(case, fuzz_files, place())
        if outcome is not None:
            assert [f for f in outcome.faults if known(name, f) is None] == [], outcome.ended.err

    check()
