"""What a record of `probe` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attnaudit.questions.recorded import Base, Trained, run_of
from attnaudit.records.fields import Count, Fields, Record, Seed


class ProbeRun(Fields, kw_only=True):
    """A probe on one split."""

    guide: str
    seed: Seed
    split: str


class OfProbe(Trained, kw_only=True):
    """A probe; older records have a guide `leak`, which was a control and no probe."""

    run: ProbeRun


class ArmRun(Fields, kw_only=True):
    """A model of the recipe on one split, without some words of each text."""

    removed: Literal["attended", "other"]
    seed: Seed
    split: str


class OfArm(Trained, kw_only=True):
    """Such a model, and how many words it did without; 0 for a text that stays whole."""

    run: ArmRun
    words_removed: Count


def kind(record: Mapping[str, Any]) -> type[Record]:
    """The class that a record must be of."""
    run = run_of(record)
    if run.get("model") == "base":
        return Base
    return OfArm if "removed" in run else OfProbe
