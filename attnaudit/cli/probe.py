"""`attnaudit probe`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.audit import audit_command

if TYPE_CHECKING:
    from attnaudit.config import Settings


@audit_command
def probe(
    seed: int,
    seeds: Annotated[int, typer.Option(min=1, help="Probes to train for each guide.")] = 5,
    guide: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="NAME=FILE",
            help="Guide probes by the attention of this checkpoint too, such as an adversary's;"
            " repeatable.",
        ),
    ] = None,
    reading: o.ReadingOption = "mean",
    text: o.TextOption = False,
    recipe: o.RecipeOption = None,
) -> Settings:
    """Do the attention weights help a model that sees each word by itself?

    Trains classifiers without context whose attention is imposed: uniform, learned by themselves,
    the audited model's, that of other checkpoints. Attention that points at what matters should
    help beyond uniform attention, and beyond a leak control: a model of the audited recipe that
    does not see the attended words. Where that one does as well, attention tells the class by the
    words it picks, and not by what they say. It measures use to another model, not faithfulness to
    this one. Wiegreffe & Pinter 2019, section 3.4.
    """
    from attnaudit.questions.probe.guides import read_guides
    from attnaudit.questions.probe.settings import ProbeSettings

    return ProbeSettings(
        seeds=seeds,
        guides=read_guides(guide or []),
        reading=o.reading(reading),
        seed=seed,
        text=text,
    )
