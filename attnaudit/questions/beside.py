"""What the records of a question put beside the attention in a heatmap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attnaudit.questions.gallery import Support, Weights


@dataclass(frozen=True)
class Trained:
    """A trained model of which there are records: its run, and means over the texts.

    `jsd` of its attention, in nats, and `tvd` of its answers, both to the audited model's.
    """

    run: Mapping[str, Any]
    jsd: float
    tvd: float


class Beside:
    """What a question adds: nothing, unless its folder says otherwise.

    Where several questions have something by which texts can be ranked, the one of the highest
    `priority` decides. Its rows stand first, too.
    """

    priority = 0

    # Of records of the audited model.

    moved_by = ""  # what `moved` is

    def rows(self, record: Mapping[str, Any]) -> list[Weights]:
        """Rows from a record of the audited model."""
        return []

    def every(self, record: Mapping[str, Any]) -> list[Weights]:
        """The same with all that the record holds, for a text that somebody asked for."""
        return self.rows(record)

    def figures(self, record: Mapping[str, Any]) -> Mapping[str, Sequence[tuple[str, float]]]:
        """Figures of this text by the name of an importance, or `attention`; without undefined."""
        return {}

    def moved(self, record: Mapping[str, Any]) -> float | None:
        """How far the attention of this text can be moved (JSD); None where it does not say."""
        return None

    def support(self, record: Mapping[str, Any]) -> Support | None:
        """Whether the words that the attention highlights carry the answer; None: not tested."""
        return None

    # Of records of trained models, of which one is shown.

    def name(self, run: Mapping[str, Any]) -> str | None:
        """What the model of a run is called; None for one that is never shown."""
        return None

    def pick(self, models: Sequence[Trained]) -> Trained:
        """The model that is shown, of one at least."""
        return models[0]
