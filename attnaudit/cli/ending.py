"""How `attnaudit audit` ends: with a report, or with what the run would take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from attnaudit.cli.output import check_outputs, finish, html_or_hint, read_demands
from attnaudit.errors import InputError

if TYPE_CHECKING:
    from attnaudit.cli.progress import Display
    from attnaudit.models.recipe import AnyConfig
    from attnaudit.report.combine import Combined
    from attnaudit.report.demands import Demands
    from attnaudit.report.lock import Lock, Planned
    from attnaudit.running.existing import Existing
    from attnaudit.running.planning.plan import WorkPlan
    from attnaudit.running.plans import Plan
    from attnaudit.running.suite import Where


@dataclass(frozen=True)
class Ending:
    """What is done with a run, and how it is told."""

    policy: Path | None
    baseline: Path | None
    lock: Path | None
    dry_run: bool
    as_json: bool
    strict: bool
    quiet: bool
    verbose: bool

    @cached_property
    def demands(self) -> Demands | None:
        """What the report is held against."""
        return read_demands(self.policy, self.baseline)

    @cached_property
    def held_to(self) -> Lock | None:
        """The plan with which the run is compared."""
        from attnaudit.report.lock import read_lock

        return None if self.lock is None or self.dry_run else read_lock(self.lock)

    @cached_property
    def display(self) -> Display:
        """What shows the progress."""
        from attnaudit.cli.progress import Display

        return Display(self.quiet)

    @property
    def command_line(self) -> tuple[str, ...]:
        """The words of the call, as the manifest keeps them."""
        return ("attnaudit", *sys.argv[1:])

    def check(self, source: Path | None) -> None:
        """Raise InputError or OutputError for files that cannot be used, before any work."""
        _ = self.demands, self.held_to
        if self.lock is not None and self.dry_run:
            from attnaudit.running.locking import check_new

            check_outputs(self.lock, inputs=(source, self.policy, self.baseline))
            check_new(self.lock)

    def of_config(self, config: AnyConfig, plan: Plan, where: Where, pilot: int | None) -> None:
        """Train and audit, or say what that would take."""
        from attnaudit.running.suite import folder_of, run_suite

        demands, display = self.demands, self.display
        if not self.dry_run:
            made = run_suite(config, plan, where, demands, display, self.command_line, self.held_to)
            self._finish(made, folder_of(config))

        from attnaudit.running.locking import planned_training
        from attnaudit.running.planning.dry_suite import plan_suite
        from attnaudit.running.planning.pilot import pilot_plan
        from attnaudit.running.planning.power import with_power

        if pilot is not None:
            pilot_plan(plan, pilot)  # what it refuses is refused before any work
        found = plan_suite(config, plan, where, demands, display)
        if pilot is not None:
            found = with_power(found, config, plan, where, pilot, display)
        self._show(found, lambda: planned_training(config, plan, demands))

    def of_model(self, asked: Existing) -> None:
        """Audit a model that there is, or say what that would take."""
        from attnaudit.running.existing import run_existing

        asked = replace(asked, job=replace(asked.job, command_line=self.command_line))
        if not self.dry_run:
            made = run_existing(asked, self.demands, self.display, self.held_to)
            self._finish(made, asked.folder)

        from attnaudit.running.planning.dry_existing import plan_existing

        found, planned = plan_existing(asked, self.demands, self.display)
        self._show(found, lambda: planned)

    def of_labels(self, asked: Existing, labels: Sequence[str]) -> None:
        """Audit several labels of a model one after the other, or say what the first would take."""
        from attnaudit.running.each_label import each_label, run_each_label

        self._check_each()
        asked = replace(asked, job=replace(asked.job, command_line=self.command_line))
        if not self.dry_run:
            said = []

            def finished(folder: Path, made: Combined) -> None:
                said.append(html_or_hint(made, folder / "report.html"))

            made = run_each_label(asked, labels, self.demands, self.display, finished)
            for remark in said:
                self.display.say(remark)
            self._finish(made, asked.folder)

        from attnaudit.running.planning.dry_existing import plan_existing

        each = each_label(asked, labels)
        first, *others = each
        found, planned = plan_existing(each[first], self.demands, self.display)
        self._show(found, lambda: planned)
        if others:
            self.display.say(
                f"This is the plan for the label {first}. Each of the {len(others)} other labels"
                " takes about as long."
            )

    def _check_each(self) -> None:
        """Raise InputError for what goes with one label only."""
        for option, given in (("--lock", self.lock), ("--baseline", self.baseline)):
            if given is not None:
                raise InputError(
                    f"{option} goes with one --label", hint="audit the labels one by one with it"
                )

    def _show(self, found: WorkPlan, planned: Callable[[], Planned]) -> None:
        from attnaudit.cli.plan import show_plan
        from attnaudit.running.locking import write_lock

        if self.lock is not None:
            digest = write_lock(self.lock, planned(), self.command_line)
        show_plan(found, self.as_json, self.quiet, self.lock)
        if self.lock is not None:
            self.display.say(f"Wrote {self.lock}; keep it, or its SHA-256 {digest}, out of reach")

    def _finish(self, made: Combined, folder: Path) -> NoReturn:
        remark = html_or_hint(made, folder / "report.html")
        try:
            finish(
                made,
                as_json=self.as_json,
                strict=self.strict,
                quiet=self.quiet,
                verbose=self.verbose,
            )
        finally:
            self.display.say(remark)
