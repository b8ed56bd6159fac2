"""What each reading and importance gives the words of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.execution.seeds import generator_for
from attnaudit.importance.compute import importances
from attnaudit.measures.order import descending
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered
from attnaudit.questions.compare_readings.settings import CompareReadingsSettings
from attnaudit.readings import find_reading
from attnaudit.readings.reading import Reading
from attnaudit.readings.seen import Seen

Array = NDArray[np.float64]
Order = NDArray[np.int64]  # the words of one text, the most important first
STREAM = 8  # of the random generators of a text: ties of its rankings
REFERENCE = "leave_one_out"
UNDEFINED = "undefined scores"  # of an importance; a reason goes on from "a text with"


@dataclass(frozen=True)
class Rankings:
    """The rankings of one text that are defined for it, by name.

    `scores` (words,) are magnitudes, and `orders` (words,) what follows from them. `signs` (words,)
    are those of rankings that have a direction. `reference` (words,) are the scores of
    leave-one-out, whether or not it is compared. `undefined` says why the text has no others.
    """

    scores: Mapping[str, Array]
    orders: Mapping[str, Order]
    signs: Mapping[str, NDArray[np.int8]]
    undefined: Mapping[str, str]
    reference: Array


def rankings(
    model: AttentionModel, known: Answered, settings: CompareReadingsSettings, budget: int
) -> list[Rankings]:
    """All rankings of each text of a batch, of its predicted class."""
    target = known.probs.argmax(1)
    seen = Seen(model, known.whole, known.encoded, known.alpha, target)
    columns: dict[str, Array] = {}
    signs: dict[str, NDArray[np.int8]] = {}
    reasons: dict[str, Mapping[int, str]] = {}
    for name in settings.readings or ():
        reading = find_reading(name)
        columns[name], found, reasons[name] = _on_words(reading, seen, known)
        if reading.directed:
            signs[name] = found
    asked = tuple(dict.fromkeys((*settings.names, REFERENCE)))
    made = importances(known.request(model, target, asked, settings.seed, budget))
    columns |= {name: scores.astype(np.float64) for name, scores in made.scores.items()}
    signs |= made.signs
    return [
        _of_text(b, known, settings, columns, signs, reasons) for b in range(len(known.instances))
    ]


@torch.no_grad()
def _on_words(
    reading: Reading, seen: Seen, known: Answered
) -> tuple[Array, NDArray[np.int8], Mapping[int, str]]:
    """(B, W) magnitudes that a reading gives the words, and their signs; NaN where undefined.

    With the reasons why texts are undefined, by their place in the batch.
    """
    shown = reading.compute(seen)
    reasons = reading.undefined(shown, known.batch)
    words = known.batch.per_word(shown.nan_to_num())
    words[list(reasons)] = torch.nan
    signs: NDArray[np.int8] = words.nan_to_num().sign().cpu().numpy().astype(np.int8)
    if reading.signed:
        words = words.abs()
    found: Array = words.float().cpu().double().numpy()
    return found, signs, reasons


def _of_text(
    b: int,
    known: Answered,
    settings: CompareReadingsSettings,
    columns: Mapping[str, Array],
    signs: Mapping[str, NDArray[np.int8]],
    reasons: Mapping[str, Mapping[int, str]],
) -> Rankings:
    n, name_of = int(known.batch.word_counts[b]), known.instances[b].id
    scores = {name: columns[name][b, :n] for name in settings.rankings}
    defined = {name: s for name, s in scores.items() if np.isfinite(s).all()}
    orders = {
        name: descending(s, generator_for(name_of, settings.seed, STREAM, k))
        for k, (name, s) in enumerate(scores.items())
        if name in defined
    }
    return Rankings(
        defined,
        orders,
        {name: signs[name][b, :n] for name in defined if name in signs},
        {name: reasons.get(name, {}).get(b, UNDEFINED) for name in scores if name not in defined},
        columns[REFERENCE][b, :n],
    )
