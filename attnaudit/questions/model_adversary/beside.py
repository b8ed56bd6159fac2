"""The attention of a retrained adversary beside that of the audited model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnaudit.questions.beside import Beside, Trained

CHEAP = 0.05  # mean TVD up to which an adversary still answers like the model it copies


class _Adversary(Beside):
    priority = 2

    def name(self, run: Mapping[str, Any]) -> str | None:
        strength = run.get("lambda")
        return (
            (f"a model trained to attend to other words (lambda {strength!r})")
            if strength
            else None
        )

    def pick(self, models: Sequence[Trained]) -> Trained:
        """The one that moves attention most while it answers alike; else the least dear one."""
        cheap = [model for model in models if model.tvd <= CHEAP]
        if cheap:
            return max(cheap, key=lambda model: model.jsd)
        return min(models, key=lambda model: model.tvd)


BESIDE = _Adversary()
