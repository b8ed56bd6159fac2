"""Several reports to be compared: how they are read and called, and which cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from attnaudit.errors import InputError
from attnaudit.findings.rules import Deltas
from attnaudit.records.repaired import repairs_in_words
from attnaudit.records.retired import retired
from attnaudit.report.combine import Combined, combine
from attnaudit.report.schema import Report

# What the names of figures begin with that speak of the model or the texts, and of no test.
_OF_NO_TEST = ("model.", "texts.", "attention.")
_REPORT = "report.json"  # as an audit calls it in its folder
_ENDS = ("low", "high")  # the headers of an interval's ends


@dataclass(frozen=True)
class Side:
    """One of the reports that are compared: its name in the tables, its place, and the report.

    The name of a repaired model's report says how it is repaired.
    """

    name: str
    path: Path
    made: Combined

    @property
    def report(self) -> Report:
        """The report itself."""
        return self.made.report


def load_sides(paths: Sequence[Path], deltas: Deltas | None = None) -> list[Side]:
    """The reports in `paths`, each of which is a report, records, or the folder of an audit.

    Raises InputError for fewer than two, for one that is given twice, for figures of an older
    version, and for a report that has no figure in common with the first.
    """
    if len(paths) < 2:
        raise InputError("--compare needs two reports or more", hint="give each as a FILE")
    sides = [
        _side(name, path, combine(files_of(path), deltas=deltas))
        for name, path in zip(short_names(paths), paths, strict=True)
    ]
    seen: dict[tuple[str, ...], Path] = {}
    for side in sides:
        digests = tuple(sorted(part.digest or "" for part in side.made.parts))
        if digests in seen:
            raise InputError(
                f"has the same content as {seen[digests]}",
                where=side.path,
                hint="give each report once",
            )
        seen[digests] = side.path
        _check_current(side)
    first, *others = sides
    for side in others:
        if not _figures(side.report) & _figures(first.report):
            raise InputError(
                f"has no figure in common with {first.path}",
                where=side.path,
                hint="compare reports of the same commands",
            )
    return sides


def _side(name: str, path: Path, made: Combined) -> Side:
    repairs = repairs_in_words(made.report.model.model_extra or {})
    return Side(f"{name} ({', '.join(repairs)})" if repairs else name, path, made)


def files_of(path: Path) -> list[Path]:
    """The file itself, or of the folder of an audit its records, else its report.

    Raises InputError for a folder that holds neither.
    """
    if not path.is_dir():
        return [path]
    records = sorted((path / "records").glob("*.jsonl"))
    found = records or [one for one in [path / _REPORT] if one.is_file()]
    if not found:
        raise InputError(
            "is a folder without records/*.jsonl and without report.json",
            where=path,
            hint="give the folder that `attnaudit audit` wrote, or files",
        )
    return found


def short_names(paths: Sequence[Path]) -> list[str]:
    """What tells the paths apart: `a` and `b` for runs/a/report.json and runs/b/report.json."""
    parts = [list(_place(path).parts) for path in paths]
    for end in (0, -1):
        while all(len(each) > 1 for each in parts) and _alike([each[end] for each in parts]):
            for each in parts:
                del each[end]
    names = ["/".join(each) for each in parts]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return [f"report {name}" if name in _ENDS or not name else name for name in names]


def _place(path: Path) -> Path:
    """The path without its ending; the folder of an audit for its report."""
    if path.is_dir():
        return path
    return path.parent if path.name == _REPORT and path.parent.name else path.with_suffix("")


def _alike(words: Sequence[str]) -> bool:
    return all(a == b for a, b in pairwise(words))


def _figures(report: Report) -> set[str]:
    """The names of the figures that say something of attention."""
    return {
        name
        for name, metric in report.metrics.items()
        if metric.value is not None and not name.startswith(_OF_NO_TEST)
    }


def _check_current(side: Side) -> None:
    for name, metric in side.report.metrics.items():
        found = retired(name)
        if found is not None and metric.value is not None:
            raise InputError(
                f"contains {name} of an older version, which is now {found.replaced}",
                where=side.path,
                hint="make this report again from its records",
            )
