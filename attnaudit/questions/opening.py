"""Files of records opened, with what their questions say of their records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnaudit.questions import find_question
from attnaudit.records.fields import Fields, Kind
from attnaudit.records.older import question_of
from attnaudit.records.reading import RecordsFile


def open_records(path: Path) -> RecordsFile:
    """The records in `path`. Each is checked against the form of its question when it is read.

    Raises InputError as `RecordsFile` does, and for records of a question that is not known.
    """
    return RecordsFile(path, kinds)


def kinds(audit: str) -> Kind:
    """What the records of an audit must be; raises InputError for an unknown one."""
    if question_of(audit, {}) == audit:
        return find_question(audit).kind

    def older(record: Mapping[str, Any]) -> type[Fields]:
        return find_question(question_of(audit, record)).kind(record)

    return older
