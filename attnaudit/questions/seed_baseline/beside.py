"""The attention of another seed beside that of the audited model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnaudit.questions.beside import Beside, Trained


class _Seed(Beside):
    priority = 1

    def name(self, run: Mapping[str, Any]) -> str | None:
        if run.get("model") != "seed":
            return None
        return f"a model of the same recipe, seed {run.get('seed', 0)}"

    def pick(self, models: Sequence[Trained]) -> Trained:
        """The first seed."""
        return min(models, key=lambda model: model.run.get("seed", 0))


BESIDE = _Seed()
