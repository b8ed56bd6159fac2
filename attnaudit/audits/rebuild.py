"""Reports made again from what a run has left, without its model or data."""

from __future__ import annotations

from pathlib import Path

from attnaudit.config import read_text
from attnaudit.errors import InputError
from attnaudit.measures.summary import Summary
from attnaudit.report.build import build_report
from attnaudit.report.policy import Policy, evaluate
from attnaudit.report.records import Header, read_records
from attnaudit.report.schema import Report, loads


def report_of(header: Header, summary: Summary, policy: Policy | None) -> Report:
    """The report of the run that `header` describes, with the gates of `policy`."""
    return build_report(
        header.audit,
        summary,
        model=header.model,
        dataset=header.dataset,
        settings=header.settings,
        manifest=header.manifest,
        gates=evaluate(policy, summary.metrics) if policy else [],
    )


def read_report(path: Path, policy: Policy | None) -> Report:
    """The report in `path`, or the one that the records in `path` came with.

    With a `policy` its gates take the place of the report's own. Raises InputError for a file
    that is neither.
    """
    try:
        with path.open("rb") as stream:
            first = stream.read(64)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    if first.startswith(b'{"kind":'):
        return report_from_records(path, policy)
    report = loads(read_text(path), str(path))
    if policy is None:
        return report
    return report.model_copy(update={"gates": evaluate(policy, report.metrics)})


def report_from_records(path: Path, policy: Policy | None) -> Report:
    """The report that the records in `path` came with, made again without model or data."""
    from attnaudit.audits.audit import find_audit  # brings torch, which a report does not need

    header, records = read_records(path)
    audit = find_audit(header.audit)
    try:
        settings = audit.settings.model_validate(header.settings, strict=False)
        labels = header.model.model_dump()["labels"]
        summary = audit.summarise(records, settings, labels)
    except (LookupError, TypeError, ValueError) as error:  # pydantic's errors are ValueErrors
        first = str(error).partition("\n")[0]
        raise InputError(
            f"does not hold what records of {audit.name} hold ({type(error).__name__}: {first})",
            where=path,
            hint="run the audit again, with this version of attnaudit",
        ) from error
    return report_of(header, summary, policy)
