"""The weights that the adversary of a text found, at the first epsilon, beside its attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnaudit.questions.beside import Beside
from attnaudit.questions.gallery import Weights


class _Found(Beside):
    priority = 3
    moved_by = "how far away other weights for the same answer are (JSD)"

    def rows(self, record: Mapping[str, Any]) -> list[Weights]:
        found = _first(record)
        if not found.get("weights"):
            return []
        name = f"other weights for the same answer (epsilon {found.get('epsilon')!r})"
        return [Weights(name, found["weights"][0], found.get("said"), found.get("jsd"))]

    def moved(self, record: Mapping[str, Any]) -> float | None:
        found = _first(record)
        return found.get("jsd") if found.get("weights") else None


def _first(record: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (record.get("adversary") or [{}])[0]
    return found


BESIDE = _Found()
