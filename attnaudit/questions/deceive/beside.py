"""The attention of a model that was trained to hide words, beside that of the audited model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnaudit.questions.beside import Beside, Trained


class _Deceiver(Beside):
    def name(self, run: Mapping[str, Any]) -> str | None:
        strength = run.get("coefficient")
        return f"a model trained to hide the words (coefficient {strength:g})" if strength else None

    def pick(self, models: Sequence[Trained]) -> Trained:
        """The first seed of the largest coefficient."""
        return max(models, key=lambda model: (model.run["coefficient"], -model.run["seed"]))


BESIDE = _Deceiver()
