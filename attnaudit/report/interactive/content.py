"""What the page holds of a text: its words, its attention, and what it takes to answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.questions.gallery import Heatmap

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Movable:
    """A text whose attention can be moved.

    `shown` is its heatmap, whose rows are the weights that a reader can take. `alpha` (H, T) is the
    model's own attention, by head and position. `words` (T,) is the number of the word that a
    position belongs to, -1 outside the words. `steps` lead from weights (1, 1, H, T) to logits (1,
    1, C); each is a kind, the numbers of the values that it takes, and its attributes. Value 0 are
    the weights. Then come the arrays of `constants`, by their numbers in the page, and then the
    results of the steps.
    """

    shown: Heatmap
    alpha: Array
    words: Sequence[int]
    steps: Sequence[tuple[str, Sequence[int], Mapping[str, Any]]]
    constants: Sequence[int]

    @property
    def outside(self) -> bool:
        """Whether any head puts weight outside the words."""
        return bool(self.alpha[:, [word < 0 for word in self.words]].any())


@dataclass(frozen=True)
class Movables:
    """The texts of a page, and the `arrays` that their steps take, each one once.

    `linear` says that the steps need one number for each word and class alone.
    """

    texts: Sequence[Movable]
    arrays: Sequence[NDArray[np.float32]]
    linear: bool

    @property
    def numbers(self) -> int:
        """How many numbers the arrays hold in all."""
        return sum(array.size for array in self.arrays)


def as_json(content: Movables, labels: Sequence[str]) -> str:
    """The content for the script of the page, in a form that no browser takes for markup."""
    told = {
        "labels": list(labels),
        "arrays": [{"shape": list(a.shape), "data": _packed(a)} for a in content.arrays],
        "texts": [_text(text) for text in content.texts],
    }
    plain = json.dumps(told, separators=(",", ":"), allow_nan=False)
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text(text: Movable) -> dict[str, Any]:
    shown = text.shown
    # Importances may have a sign, and no model has negative weights: their size is taken.
    rows = [{"name": row.name, "weights": [abs(w) for w in row.weights]} for row in shown.rows]
    return {
        "id": shown.id,
        "tokens": list(shown.tokens),
        "gold": shown.gold,
        "predicted": shown.predicted,
        "rows": rows,
        "alpha": {"shape": list(text.alpha.shape), "data": _packed(text.alpha)},
        "words": list(text.words),
        "steps": [[kind, list(takes), dict(said)] for kind, takes, said in text.steps],
        "constants": list(text.constants),
    }


def _packed(array: NDArray[Any]) -> str:
    """The numbers as little-endian float32, in base64."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode("ascii")
