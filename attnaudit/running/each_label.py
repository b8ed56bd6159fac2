"""A model of several labels, audited one label after the other: a folder and a row for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from attnaudit.data.names import ALL_LABELS
from attnaudit.errors import InputError
from attnaudit.execution.files import check_folder, write_text
from attnaudit.execution.observer import Observer
from attnaudit.models.asked_label import about_label, check_has
from attnaudit.questions import all_questions
from attnaudit.report.combine import Combined
from attnaudit.report.demands import Demands
from attnaudit.report.labels import report_of_labels
from attnaudit.report.schema import dumps
from attnaudit.running.existing import Existing, folder_name, run_existing
from attnaudit.running.work import open_source


def run_each_label(
    asked: Existing,
    labels: Sequence[str],
    demands: Demands | None,
    observer: Observer,
    finished: Callable[[Path, Combined], None] = lambda *_: None,
) -> Combined:
    """Audit each label as `run_existing` does, into a folder of its own, and set them side by side.

    The model is loaded once. Nothing else is shared: every label has its own forward passes, and
    its records are the same as if it had been audited alone. What is there of the same run is not
    made again.

    Args:
        asked: the model, the data, and the folder that holds a folder for each label.
        labels: names of labels, or `all` for every one.
        demands: what the report of each label is held against.
        observer: hears of the progress.
        finished: is called with the folder and the report of each label, when it is done.

    Raises InputError, ModelError or OutputError, as `run_existing` does; InputError too for a label
    that the model does not have, and for a folder that holds another audit.
    """
    each = each_label(asked, labels)
    reports, folders = {}, {}
    with observer.task("labels", len(each)) as task:
        for name, one in each.items():
            made = run_existing(one, demands, observer)
            finished(one.folder, made)
            reports[name], folders[name] = made.report, str(one.folder)
            task.advance(1)
    report = report_of_labels(reports, folders, asked.job.command_line)
    write_text(asked.folder / "report.json", dumps(report))
    return Combined(report)


def each_label(asked: Existing, labels: Sequence[str]) -> dict[str, Existing]:
    """What is asked about each label, with the model loaded; raises as `run_each_label` does."""
    if (asked.folder / "records").exists():
        raise InputError(
            "holds an audit of one label, or of another model",
            where=asked.folder,
            hint="give another folder with --output",
        )
    source = open_source(asked.job)
    chosen = list(dict.fromkeys(labels))
    if not source.several:
        about_label(source, chosen[0])  # which is refused
    if chosen == [ALL_LABELS]:
        chosen = list(source.several)
    for name in chosen:
        check_has(source, name)
    places = _places(source.several)
    found = {}
    for name in chosen:
        folder = asked.folder / places[name]
        check_folder(folder / "records")
        found[name] = replace(
            asked, job=replace(asked.job, label=name), folder=folder, source=source
        )
    return found


def _places(labels: Sequence[str]) -> dict[str, str]:
    """The name of a folder for each label, no two alike, even where case does not count."""
    kept = {question.keeps for question in all_questions() if question.keeps}
    taken = {"records", "report.json", "report.html", "", ".", "..", *kept}
    places = {}
    for label in labels:
        plain = folder_name(label)
        name, number = plain, 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        places[label] = name
    return places
