"""Importances beside the attention of a heatmap, as shares of their sum, with their signs.

Shown are two of the tool's own, and all whose scores another tool made; of a text that somebody
asked for, all there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnaudit.importance import IMPORTANCES
from attnaudit.questions.beside import Beside
from attnaudit.questions.gallery import Weights

_SHOWN = ("leave_one_out", "gradient")


class _Importances(Beside):
    def rows(self, record: Mapping[str, Any]) -> list[Weights]:
        given = record.get("importance", {})
        return _rows(record, [*_SHOWN, *(name for name in given if name not in IMPORTANCES)])

    def every(self, record: Mapping[str, Any]) -> list[Weights]:
        return _rows(record, list(record.get("importance", {})))


def _rows(record: Mapping[str, Any], names: Sequence[str]) -> list[Weights]:
    rows, given = [], record.get("importance", {})
    for name in names:
        scores = given.get(name)
        total = 0.0 if not scores or None in scores else sum(map(abs, scores))
        if total > 0:
            signs = record.get("signs", {}).get(name) or [1] * len(scores)
            shares = [
                -score / total if sign < 0 else score / total
                for score, sign in zip(scores, signs, strict=True)
            ]
            rows.append(Weights(name.replace("_", " "), shares))
    return rows


BESIDE = _Importances()
