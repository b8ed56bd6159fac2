"""`attnaudit permute`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from attnaudit.cli.audit import audit_command

if TYPE_CHECKING:
    from attnaudit.audits.permute import PermuteSettings
else:
    PermuteSettings = Any  # typer looks names up at start-up, when nothing heavy may be imported


@audit_command("permute")
def permute(
    seed: int,
    permutations: Annotated[int, typer.Option(min=1, help="Permutations of each instance.")] = 100,
) -> PermuteSettings:
    """Does the answer change when the attention weights are shuffled?

    The weights of an instance are permuted among its words, everything else held fixed, and the
    answers compared (TVD, from 0 to 1). An answer that hardly moves does not rest on which word has
    which weight; but where all states are alike (conicity near 1) it could not have moved, and
    shuffled weights are none that the model ever computes. Jain & Wallace 2019, section 4.2.1.
    """
    from attnaudit.audits.permute import PermuteSettings

    return PermuteSettings(permutations=permutations, seed=seed)
