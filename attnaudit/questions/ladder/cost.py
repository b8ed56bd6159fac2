"""How often `ladder` sends texts through the model, from its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.models.passes import Passes, answering
from attnaudit.questions.ladder.settings import LadderSettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts

HALVINGS = 10  # of the way back from where a search ends
RETURNS = 8  # steps back to the bound alone, from there too
DRAWN = 16  # random places that are looked at for each start


def cost(model: AttentionModel, texts: Texts, settings: LadderSettings) -> Passes:
    """All texts twice, and at most what a search on each rung takes.

    How many answers the rung of the weights needs is only known at once for a linear readout.
    """
    from attnaudit.models.interface import capability  # brings torch

    n = len(texts)
    made = answering(2 * n)
    if capability(model, "token_logits") is None:
        made += Passes(answers=None)
    if capability(model, "keys") is not None:
        looks, slopes = _of_search(settings, n, settings.starts)
        made += Passes(answers=looks, backward=slopes, exact=False)
    looks, slopes = _of_search(settings, n, starts_in_ball(settings))
    if settings.radius and model.embedding_table() is not None:
        made += Passes(answers=looks, backward=slopes, forward=looks, exact=False)
    if settings.radius and capability(model, "begun") is not None:
        made += Passes(answers=looks + n, backward=slopes, forward=n, exact=False)
    return made


def starts_in_ball(settings: LadderSettings) -> int:
    """From how many places a search within a ball starts.

    There starts end near each other, and a step takes more of the model.
    """
    return max(2, settings.starts // 8)


def _of_search(settings: LadderSettings, texts: int, starts: int) -> tuple[int, int]:
    """How often the searches of a rung look at the model, and how many gradients they take."""
    steps = texts * starts * settings.steps
    looks = steps + texts * (starts * (DRAWN + HALVINGS + RETURNS + 1) + 1)
    # Slopes of the attention, and of the answer.
    return looks, 2 * steps + texts * starts * RETURNS
