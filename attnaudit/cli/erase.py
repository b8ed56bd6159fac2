"""`attnaudit erase`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.audit import audit_command
from attnaudit.importance import IMPORTANCES

if TYPE_CHECKING:
    from attnaudit.config import Settings


@audit_command
def erase(
    seed: int,
    measure: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="NAME",
            help="Importance measures whose top words are deleted as well, repeatable: "
            f"{', '.join(IMPORTANCES)}.  [default: all that suit the model]",
        ),
    ] = None,
    optimum_items: Annotated[
        int,
        typer.Option(
            min=0, max=16, help="Find the best possible order in texts of at most so many items."
        ),
    ] = 10,
    reading: o.ReadingOption = "mean",
    text: o.TextOption = False,
) -> Settings:
    """Do the words that attention ranks first decide the answer?

    Attention weights are erased, one against a random other one and then one after another until
    the decision flips (Serrano & Smith 2019); the top words are deleted from the text, or kept
    alone (comprehensiveness and sufficiency, DeYoung et al. 2020); each beside random and, in short
    texts, the best possible order. Where the data has human rationales, agreement with them is
    shown apart: plausibility is not faithfulness.
    """
    from attnaudit.importance.choice import check_measures
    from attnaudit.questions.erase.settings import EraseSettings

    return EraseSettings(
        measures=check_measures(measure) if measure else None,
        reading=o.reading(reading),
        optimum_items=optimum_items,
        seed=seed,
        text=text,
    )
