"""How often `compare-readings` sends texts through the model, and which readings are quick.

From lengths and settings alone. Rankings often agree on their top words, and a text is answered
once: the most is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.importance import cost_of
from attnaudit.models.passes import Passes, answering
from attnaudit.questions.compare_readings.names import EXACT_WORDS
from attnaudit.questions.compare_readings.settings import ALL, CompareReadingsSettings
from attnaudit.questions.erase.shares import BINS, top_size
from attnaudit.readings import READINGS, find_reading
from attnaudit.readings.reading import Reading

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts

QUICK = 4  # texts through the network, or gradients, that a reading of one text may take
SLOW = f"it takes more than {QUICK} passes a text; ask for it with --reading"


def choose_readings(
    asked: Sequence[str] | None,
    model: AttentionModel,
    cannot: Callable[[str], str | None],
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The readings for `model`, and those that are left out, each with the reason.

    Without any `asked`, all that it gives quickly. Raises InputError for one that is asked for by
    name and that it cannot give.
    """
    by_name = [name for name in asked or () if name != ALL]
    for name in by_name:
        if reason := cannot(name):
            raise InputError(f"--reading {name}: {reason}")
    if asked is not None and ALL not in asked:
        return tuple(by_name), {}
    found, left_out = [], {}
    for name, reading in READINGS.items():
        if not isinstance(reading, Reading):
            continue
        reason = cannot(name)
        if reason is None and asked is None and _passes(reading, model) > QUICK:
            reason = SLOW
        if reason is None:
            found.append(name)
        else:
            left_out[name] = reason
    return (*found, *by_name), left_out


def _passes(reading: Reading, model: AttentionModel) -> int:
    """How often a text of 20 words goes through the model."""
    from attnaudit.models.lengths import Texts

    twenty, first = np.array([20]), np.array([0])
    passes = reading.passes(model, Texts(twenty, twenty, twenty + 2, first))
    return passes.forward + passes.backward


def cost(model: AttentionModel, texts: Texts, settings: CompareReadingsSettings) -> Passes:
    """All texts once, readings and importances, and answers to erased words, at most so many."""
    made = answering(len(texts))
    for name in settings.readings or ():
        made += find_reading(name).passes(model, texts)
    asked = dict.fromkeys((*settings.importances, IMPORTANCES["leave_one_out"]))
    made += cost_of(tuple(asked), model, texts)
    made += answering(len(texts) * 2 * settings.draws * (2 * len(settings.rankings) + 1))
    words, rankings = texts.words, len(settings.rankings)
    tops = sum(len({top_size(share, n) for share in BINS}) for n in words.tolist())
    for operator in settings.operators or ():
        made += _erasing(operator, texts, 2 * rankings * tops)
    short = words[(words >= 2) & (words <= min(EXACT_WORDS, settings.longest))]
    long = words[(words > EXACT_WORDS) & (words <= settings.longest)]
    searched = int((2**short - 2).sum()) + int((2 * settings.beam * long**2).sum())
    made += _erasing(settings.path, texts, rankings * int(words.sum()) + searched)
    return made + Passes(exact=False)


def _erasing(operator: str, texts: Texts, count: int) -> Passes:
    """To answer `count` texts with erased words."""
    return Passes(answers=count) if operator == "weight" else answering(count)
