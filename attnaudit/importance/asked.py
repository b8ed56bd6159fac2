"""Importance measures as users name them."""

from __future__ import annotations

from collections.abc import Sequence

from attnaudit.errors import InputError, did_you_mean
from attnaudit.importance import IMPORTANCES


def check_measures(names: Sequence[str]) -> tuple[str, ...]:
    """The named measures in registry order; raises InputError for an unknown one."""
    for name in names:
        if name not in IMPORTANCES:
            raise InputError(
                f"unknown importance measure {name!r}", hint=did_you_mean(name, IMPORTANCES)
            )
    return tuple(name for name in IMPORTANCES if name in names)


def note_on(left_out: Sequence[str]) -> list[str]:
    """What a report says of the measures `left_out`."""
    if not left_out:
        return []
    return [
        f"Left out: {' and '.join(left_out)}, which take one backward pass for each token of this"
        " model. Ask for them with --measure."
    ]
