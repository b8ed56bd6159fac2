"""`--dry-run`: what a command would do, with time and memory, as a table or as JSON on stdout."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from attnaudit.cli.output import show
from attnaudit.wording import decimal, percent

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from attnaudit.models.passes import Passes
    from attnaudit.running.planning.plan import PowerPlan, PowerRow, Span, Trainings, WorkPlan

_NAMES = {"check": "check", "training": "trainings", "records": "records", "summary": "summary"}


def show_plan(plan: WorkPlan, as_json: bool, quiet: bool, written: Path | None = None) -> None:
    """Print the plan; nothing at all where nothing but errors is wanted.

    `written` is the only file that the dry run wrote, if any.
    """
    if as_json:
        show(plan.model_dump_json(indent=2) + "\n", "json")
    elif not quiet:
        show(_text(plan, written))


def _text(plan: WorkPlan, written: Path | None) -> str:
    from rich.text import Text

    from attnaudit.errors import printable
    from attnaudit.report.console import open_console

    console = open_console(sys.stdout, os.environ)
    with console.capture() as rendered:
        left = "nothing was written" if written is None else f"it wrote only {printable(written)}"
        console.print(Text(f"attnaudit {plan.command}, a dry run: {left}", "bold"))
        console.print(_facts(plan))
        console.print()
        console.print(_parts(plan))
        for part in plan.parts:
            if part.trainings:
                trainings = "; ".join(map(_training, part.trainings))
                console.print(Text(f"Trainings of {part.name}: {printable(trainings)}."))
        for note in (*_notes(plan), *_REMARKS):
            console.print(Text(printable(note)))
        if plan.power is not None:
            console.print()
            console.print(_power(plan.power))
            for note in _on_power(plan.power):
                console.print(Text(printable(note)))
    return rendered.get()


def _notes(plan: WorkPlan) -> list[str]:
    """Each note once, with the parts that it is about where there are several."""
    about: dict[str, list[str]] = {}
    for part in plan.parts:
        for note in part.notes:
            about.setdefault(note, []).append(part.name)
    if len(plan.parts) == 1:
        return list(about)
    return [f"{', '.join(names)}: {note}" for note, names in about.items()]


_REMARKS = (
    "A pass is one text that goes through the model once. The times are estimated from a few "
    "texts, on this machine and with its present load. The likely time should be right within "
    "a factor of 1.5.",
)


def _facts(plan: WorkPlan) -> Table:
    from rich.table import Table
    from rich.text import Text

    from attnaudit.errors import printable
    from attnaudit.running.planning.words import span_words

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    where = f"{plan.device}, {_many(plan.workers, 'worker')} of {_many(plan.threads, 'thread')}"
    rows = [
        ("model", plan.model),
        ("data", plan.dataset),
        ("where", where),
        ("time", span_words(plan.seconds)),
        ("memory", _memory(plan)),
    ]
    for name, value in rows:
        if value is not None:
            grid.add_row(Text(name, "dim"), Text(printable(value)))
    return grid


def _memory(plan: WorkPlan) -> str | None:
    if plan.memory_bytes is None:
        return None
    said = f"roughly {_size(plan.memory_bytes)}"
    if plan.workers > 1:
        said += " for each process"
    if plan.device_memory_bytes is not None:
        said += f", and {_size(plan.device_memory_bytes)} of the GPU's"
    return said


def _parts(plan: WorkPlan) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("")
    for name in ("texts", "batches", "forward passes", "backward", "answers", "time"):
        table.add_column(name, justify="right")
    table.add_row("loading", *[""] * 5, _about(plan.loading))
    for part in (*([] if plan.check is None else [plan.check]), *plan.parts):
        counts = [f"{part.instances:,}", f"{part.batches:,}", *_passes(part.passes)]
        table.add_row(Text(f"{part.name}, {part.split}"), *counts, _about(part.seconds))
        for stage in part.stages if len(part.stages) > 1 else ():
            table.add_row(Text(f"  {_NAMES[stage.name]}", "dim"), *[""] * 5, _about(stage.seconds))
    return table


def _passes(passes: Passes) -> list[str]:
    most = "" if passes.exact else "≤ "
    answers = "searched" if passes.answers is None else f"{most}{passes.answers:,}"
    return [f"{most}{passes.forward:,}", f"{most}{passes.backward:,}", answers]


def _training(training: Trainings) -> str:
    least, most = training.epochs_least, training.epochs_most
    epochs = _many(most, "epoch") if least == most else f"{least} to {most} epochs"
    return f"{training.count} x {training.kind}: {epochs} of {_many(training.steps, 'step')}"


def _about(span: Span) -> str:
    from attnaudit.running.planning.words import time_words

    return time_words(span.likely)


def _size(count: int) -> str:
    if count >= 10**9:
        return f"{count / 10**9:.1f} GB"
    return f"{count / 10**6:.0f} MB"


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def _power(found: PowerPlan) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title="Chance that each finding reaches an answer at the planned size",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for name in ("finding", "size", "no effect", "the pilot's", "twice delta", "4 in 5 with"):
        table.add_column(name, overflow="fold")
    for row in found.rows:
        chances = [
            f"{one.low:.2f} to {one.high:.2f}\nat {decimal(one.effect)}" for one in row.chances
        ]
        name = f"{row.finding.replace('_', ' ')}:\n{row.figure}"
        size = f"{_many(row.seeds, 'seed')}\n{_many(row.texts, 'text')}"
        table.add_row(Text(name), size, *chances, _design(row))
    return table


def _design(row: PowerRow) -> str:
    if row.design is None:
        return "no size that was tried"
    said = f"{_many(row.design.seeds, 'seed')}\n{_many(row.design.texts, 'text')}"
    return said if row.design.seconds is None else f"{said}\n{_about(row.design.seconds)}"


def _on_power(found: PowerPlan) -> list[str]:
    """What a reader must know of the chances."""
    from attnaudit.running.planning.words import span_words, time_words

    notes = [
        f"A pilot trained {found.pilot_seeds} seeds of each model in "
        f"{time_words(found.seconds)}, in a temporary folder. It was measured on the audited "
        f"split ({found.split}, {_many(found.texts, 'text')}), so its effect is not independent "
        "of the audit.",
        "An answer is for or against. Each chance is a range, because few seeds say little "
        "about how much seeds vary. The range covers the 80 % intervals of the variances of "
        "seeds and texts.",
        "The last column is the cheapest size that reaches an answer four times in five, if "
        "the true effect is the one that the pilot saw. If it needs more texts than you have, "
        "you must collect them.",
    ]
    for row in found.rows:
        name = f"{row.finding.replace('_', ' ')} ({row.figure})"
        notes.append(
            f"{name}: {percent(row.share_seeds)} of the uncertainty comes from differences between "
            f"seeds, {percent(row.share_texts)} from differences between texts, and "
            f"{percent(row.share_both)} from both together."
        )
        if row.too_small:
            notes.append(f"{name}: the pilot was too small. Give a larger --pilot.")
    if found.imitators is not None:
        one = found.imitators
        notes.append(
            f"hard to manipulate: {one.usable} of {one.trained} imitators of the pilot answer "
            f"as closely as other seeds do; the adversaries take {span_words(one.seconds)}. Its "
            "chance of an answer cannot be estimated before the run."
        )
    return [*notes, *found.notes]
