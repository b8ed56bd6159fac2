"""The calibration that a report names: how the rules of its findings did on planted models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attnaudit.execution.files import sha256_file

if TYPE_CHECKING:
    from attnaudit.records.schema import CalibrationFacts
    from attnaudit.report.schema import Report


def read_facts(path: Path) -> CalibrationFacts:
    """What a report says of the calibration in `path`; raises InputError for another file."""
    from attnaudit.records.calibration import read_calibration  # brings pydantic, which help spares
    from attnaudit.records.schema import CalibrationFacts

    made = read_calibration(path)
    return CalibrationFacts(
        file=str(path),
        sha256=sha256_file(path),
        version=made.attnaudit,
        made=made.made,
        holds=len(made.plants("holds")),
        plants=len(made.verdicts),
        failing=made.plants("fails"),
        current=made.current,
    )


def with_calibration(report: Report, facts: CalibrationFacts) -> Report:
    """The report with the calibration in its manifest, in place of one that it named before."""
    manifest = report.manifest.model_copy(update={"calibration": facts})
    return report.model_copy(update={"manifest": manifest})
