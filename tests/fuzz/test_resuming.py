"""A run that is killed, damaged and gone on with, in any order: the same records, or a refusal."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fuzz import corpus, formats, oracles, program
from tests.fuzz.edits import changed, changes, damaged, damages
from tests.fuzz.known import known

NEEDS = ("model.pt", "data.yaml", "train.jsonl", "dev.jsonl", "test.jsonl")
MADE, LEFT = "made.jsonl", "made.jsonl.partial"
STEPS = st.integers(0, 7)
ENOUGH = 10  # set aside in one folder


class Interrupted(RuleBasedStateMachine):
    """One folder, in which the same audit is run over and over, and what it leaves is damaged."""

    files: Path

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name) / "here"
        self.folder.mkdir()

    @initialize()
    def begin(self) -> None:
        for name in NEEDS:
            shutil.copyfile(self.files / name, self.folder / name)

    def teardown(self) -> None:
        self.scratch.cleanup()

    def there(self, name: str) -> bool:
        return (self.folder / name).exists()

    # What happens to a run

    @rule(step=STEPS, resume=st.booleans())
    def ctrl_c(self, step: int, resume: bool) -> None:
        with program.at_step(step, program.press_ctrl_c):
            self.run(resume)

    @rule(step=STEPS, resume=st.booleans(), lost=st.sampled_from([0, 0, 1, 40, 400]))
    def power_cut(self, step: int, resume: bool, lost: int) -> None:
        """The folder is what it was at some moment, less the bytes that never reached the disk."""
        before = Path(self.scratch.name) / "then"

        def keep() -> None:
            shutil.copytree(self.folder, before)

        with program.at_step(step, keep):
            self.run(resume)
        if before.exists():
            shutil.rmtree(self.folder)
            before.rename(self.folder)
            left = self.folder / LEFT
            if lost and left.exists():
                left.write_bytes(left.read_bytes()[:-lost])

    @rule(step=STEPS)
    def another_run(self, step: int) -> None:
        with program.at_step(step, program.press_ctrl_c):
            self.run(True, "--seed", "1")

    # What happens to its files

    @rule(edits=damages(most=2), at_once=st.booleans())
    def damage_partial(self, edits: object, at_once: bool) -> None:
        self.edit(LEFT, lambda data: damaged(data, edits), at_once)

    @rule(edits=changes(most=2), at_once=st.booleans())
    def change_partial(self, edits: object, at_once: bool) -> None:
        form = formats.LINES
        self.edit(LEFT, lambda data: form.write(changed(form.read(data), edits)), at_once)

    @precondition(lambda self: self.there(MADE))
    @rule(edits=damages(most=1))
    def damage_records(self, edits: object) -> None:
        self.edit(MADE, lambda data: damaged(data, edits), False)
        if self.there(MADE):
            self.report()

    @precondition(lambda self: self.there(LEFT))
    @rule()
    def lose_partial(self) -> None:
        (self.folder / LEFT).unlink()

    def edit(self, name: str, how: object, at_once: bool) -> None:
        """Damage a file, which is made where it is missing; then go on, if that is to be now."""
        if not self.there(name):
            with program.at_step(4, program.press_ctrl_c):
                self.run(False)
        if not self.there(name):
            return
        try:
            (self.folder / name).write_bytes(how((self.folder / name).read_bytes()))
        except (ValueError, TypeError):
            return  # lines that are no JSON any more cannot be changed as JSON
        if at_once:
            self.resume()

    # What must hold

    @rule()
    def resume(self) -> None:
        ended = self.run(True)
        if ended.code == 0:
            expected = (self.files / "whole.jsonl").read_bytes().splitlines()[1:-1]
            found = (self.folder / MADE).read_bytes().splitlines()[1:-1]
            if found != expected:
                self.fault("other records than those of an undisturbed run")

    @precondition(lambda self: self.there(MADE))
    @rule()
    def report(self) -> None:
        ended = self.judged(("report", MADE, "--json"))
        if ended.code == 0:
            expected = json.loads((self.files / "whole.json").read_text())["metrics"]
            if json.loads(ended.out)["metrics"] != expected:
                self.fault("records that are not what was made are reported")

    def run(self, resume: bool, *more: str) -> program.Ended:
        line = (*corpus.PARTIAL, *(("--resume",) if resume else ()), *more)
        ended = self.judged(line)
        if sum(".old" in path.name for path in self.folder.iterdir()) > ENOUGH:
            self.clear()
        return ended

    def judged(self, line: tuple[str, ...]) -> program.Ended:
        before = oracles.digests(self.folder)
        ended = program.run(self.folder, *line)
        for fault in oracles.faults(ended, self.folder, before, line):
            self.fault(fault)
        return ended

    def fault(self, fault: str) -> None:
        """A failure, unless it is known: then all begins anew."""
        assert known("resuming", fault) is not None, fault
        self.clear()

    def clear(self) -> None:
        for path in self.folder.glob("made.*"):
            path.unlink()


@pytest.fixture
def machine(fuzz_files):
    Interrupted.files = fuzz_files
    return Interrupted


def test_what_is_gone_on_with_is_the_same_or_refused(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=6,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # made smaller, it would take minutes
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
