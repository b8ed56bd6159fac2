"""`attnaudit seed-baseline`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from attnaudit.cli import options as o
from attnaudit.cli.audit import audit_command

if TYPE_CHECKING:
    from attnaudit.config import Settings


@audit_command
def seed_baseline(
    seed: int,
    seeds: Annotated[
        int, typer.Option(min=1, help="Models to train, and as many with uniform attention.")
    ] = 8,
    reading: o.ReadingOption = "mean",
    text: o.TextOption = False,
    recipe: o.RecipeOption = None,
) -> Settings:
    """How far do seeds differ, and does the task need attention at all?

    Trains the model's recipe anew with other seeds, and with each of these seeds a model whose
    attention is frozen to the uniform one. Where uniform attention scores as well, the task is no
    test of attention. How far seeds differ in attention (JSD) and answers (TVD) is what adversaries
    are to be measured by. Wiegreffe & Pinter 2019, sections 3.2 and 3.3.
    """
    from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings

    return SeedBaselineSettings(seeds=seeds, reading=o.reading(reading), seed=seed, text=text)
