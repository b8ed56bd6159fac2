"""`attnaudit permute`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from attnaudit.cli import options as o
from attnaudit.cli.audit import audit_command

if TYPE_CHECKING:
    from attnaudit.config import Settings


@audit_command
def permute(
    seed: int,
    permutations: Annotated[int, typer.Option(min=1, help="Permutations of each instance.")] = 100,
    per_head: Annotated[
        bool,
        typer.Option(
            "--per-head", help="Permute each head on its own; else all alike, which keep agreeing."
        ),
    ] = False,
    reading: o.ReadingOption = "mean",
) -> Settings:
    """Does the answer change when the attention weights are shuffled?

    The weights of an instance are permuted among its words, everything else held fixed, and the
    answers compared (TVD, from 0 to 1). An answer that hardly moves does not rest on which word has
    which weight; but where all states are alike (conicity near 1) it could not have moved, and
    shuffled weights are none that the model ever computes. Jain & Wallace 2019, section 4.2.1.
    """
    from attnaudit.questions.permute.settings import PermuteSettings

    return PermuteSettings(
        permutations=permutations, per_head=per_head, reading=o.reading(reading), seed=seed
    )
