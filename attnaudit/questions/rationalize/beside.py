"""The rationales beside the attention of a heatmap: the same weight on each of their words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnaudit.questions.beside import Beside
from attnaudit.questions.gallery import Weights
from attnaudit.questions.rationalize.names import RANDOM, in_words


class _Rationales(Beside):
    def rows(self, record: Mapping[str, Any]) -> list[Weights]:
        made = []
        for name, one in record.get("rationales", {}).items():
            if name != RANDOM:
                weights = [0.0] * record["words"]
                for word in one["chosen"]:
                    weights[word] = 1 / len(one["chosen"])
                made.append(Weights(in_words(name), weights))
        return made


BESIDE = _Rationales()
"""What this question has to say of a text."""
