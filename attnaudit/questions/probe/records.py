"""What a record of `probe` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnaudit.questions.recorded import Base, Trained, run_of
from attnaudit.records.fields import Fields, Record, Seed


class ProbeRun(Fields, kw_only=True):
    """A probe on one split."""

    guide: str
    seed: Seed
    split: str


class OfProbe(Trained, kw_only=True):
    """A probe."""

    run: ProbeRun


def kind(record: Mapping[str, Any]) -> type[Record]:
    """The class that a record must be of."""
    return Base if run_of(record).get("model") == "base" else OfProbe
