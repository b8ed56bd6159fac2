"""`attnaudit correlate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.audit import audit_command
from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES

if TYPE_CHECKING:
    from attnaudit.config import Settings


@audit_command
def correlate(
    seed: int,
    measure: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="NAME",
            help=f"Importance measures to compare, repeatable: {', '.join(IMPORTANCES)}."
            "  [default: all that suit the model]",
        ),
    ] = None,
    target: o.TargetOption = o.Target.predicted,
    top: Annotated[
        float, typer.Option(help="Share of words that count as top words, above 0 and up to 1.")
    ] = 0.2,
    reading: o.ReadingOption = "mean",
    text: o.TextOption = False,
) -> Settings:
    """Does attention rank words as gradients and leave-one-out do?

    Kendall's tau of attention against each importance measure, per instance, beside a random
    ranking (the floor) and beside the agreement of the measures with each other (the reference).
    Agreement is evidence, not proof: measures disagree among themselves, tau depends on length and
    ignores size, and a gradient with attention held fixed carries the attention as a factor.
    Jain & Wallace 2019, section 4.1.
    """
    if not 0 < top <= 1:
        raise InputError(f"--top {top:g}: must lie above 0 and be at most 1")

    from attnaudit.importance.choice import check_measures
    from attnaudit.questions.correlate.settings import CorrelateSettings

    return CorrelateSettings(
        target=target.value,
        measures=check_measures(measure) if measure else None,
        reading=o.reading(reading),
        top=top,
        seed=seed,
        text=text,
    )
