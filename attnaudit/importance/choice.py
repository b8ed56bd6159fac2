"""Which importances are computed: those asked for, or those that suit the model.

A user asks for importances as `--measure NAME`; settings and records call them measures.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnaudit.errors import InputError, did_you_mean
from attnaudit.importance import IMPORTANCES

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel


def check_measures(names: Collection[str]) -> tuple[str, ...]:
    """The named measures in the order of the list; raises InputError for an unknown one."""
    for name in names:
        if name not in IMPORTANCES:
            raise InputError(
                f"unknown importance measure {name!r}", hint=did_you_mean(name, IMPORTANCES)
            )
    return tuple(name for name in IMPORTANCES if name in names)


@dataclass(frozen=True)
class Choice:
    """The `measures`, and those `left_out` because nobody asked for them and they would be slow."""

    measures: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def choose(asked: Sequence[str] | None, model: AttentionModel) -> Choice:
    """The measures for `model`: those `asked` for or, by default, all that it gives readily.

    Raises:
        InputError: A measure is asked for that is unknown, or that the model cannot give.
    """
    if asked is not None:
        measures = check_measures(asked)
        for name in measures:
            if reason := IMPORTANCES[name].needs(model):
                raise InputError(reason)
        return Choice(measures)
    able = [importance for importance in IMPORTANCES.values() if not importance.needs(model)]
    return Choice(
        tuple(importance.name for importance in able if not importance.slow(model)),
        tuple(importance.name for importance in able if importance.slow(model)),
    )


def note_on(left_out: Sequence[str]) -> list[str]:
    """What a report says of the measures `left_out`."""
    if not left_out:
        return []
    return [
        f"Left out because slow with this model: {' and '.join(left_out)}. Ask for them with "
        "--measure."
    ]
