"""All readings and importances of a text side by side, with their scores.

Of texts that nobody asked for by name, nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnaudit.questions.beside import Beside
from attnaudit.questions.compare_readings.gathered import between
from attnaudit.questions.erase.shares import KINDS
from attnaudit.questions.gallery import Weights

_SHORT = {"comprehensiveness": "compr.", "sufficiency": "suff."}


class _Compared(Beside):
    def every(self, record: Mapping[str, Any]) -> list[Weights]:
        return [
            Weights(name.replace("_", " "), _signed(scores, record["signs"].get(name)))
            for name, scores in record.get("scores", {}).items()
            if any(scores)
        ]

    def figures(self, record: Mapping[str, Any]) -> Mapping[str, Sequence[tuple[str, float]]]:
        return {name: list(_figures(record, name)) for name in record.get("scores", {})}


def _figures(record: Mapping[str, Any], name: str) -> list[tuple[str, float]]:
    """What the tests say of a ranking, without what is undefined."""
    path = record["path"]
    found: list[tuple[str, float | None]] = [
        (f"{operator} {_SHORT[kind]}", sum(by_kind[kind][name]) / len(by_kind[kind][name]))
        for operator, by_kind in record["erased"].items()
        for kind in KINDS
    ]
    by = path["operator"]
    found.append((f"{by} NAOPC", between(path["aopc"][name], path["least"], path["greatest"])))
    found.append((f"{by} flips", path["flip_fraction"][name]))
    return [(what, value) for what, value in found if value is not None]


def _signed(scores: Sequence[float], signs: Sequence[int] | None) -> Sequence[float]:
    if signs is None:
        return scores
    return [-s if sign < 0 else s for s, sign in zip(scores, signs, strict=True)]


BESIDE = _Compared()
