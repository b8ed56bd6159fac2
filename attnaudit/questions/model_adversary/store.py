"""Adversaries on disk: checkpoints by lambda, start and seed; a resumed run trains none again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attnaudit.execution.code import code_digest
from attnaudit.models.imitation import KL_CLIP
from attnaudit.models.interface import AttentionModel
from attnaudit.models.retraining import Retraining
from attnaudit.questions.kept_models import KeptModels
from attnaudit.questions.model_adversary.choice import Adversary
from attnaudit.questions.recording import Ledger

_MAKER = "attnaudit.questions.model_adversary.make"


@dataclass(frozen=True)
class Store:
    """A folder of checkpoints `lambda0.001-warm-seed1.pt`, or of folders without that ending.

    An `origin` says what a warm-started model began from; it is None for one from scratch.
    """

    kept: KeptModels

    @classmethod
    def of(
        cls, retraining: Retraining, ledger: Ledger, epochs: int, patience: int, reading: str
    ) -> Store | None:
        """The store in the ledger's folder; None where models are not kept."""
        if ledger.models is None or retraining.recipe.saving is None:
            return None
        schedule = retraining.schedule.model_copy(update={"epochs": epochs, "patience": patience})
        facts = {
            "adversary": "model-consistent",
            "base_sha256": ledger.model_sha256,
            "data_sha256": [retraining.splits[split].digest for split in ("train", "dev")],
            "schedule": schedule.model_dump(mode="json", exclude={"seed"}),
            "kl_clip": KL_CLIP,
            "reading": reading,
        }
        return cls(
            KeptModels(
                ledger.models,
                "lambda*-seed*",
                "--models",
                retraining.recipe.saving,
                facts,
                {"code": code_digest(_MAKER), "recipe": dict(retraining.recipe.origin)},
                ledger.resume or ledger.reuse,
            )
        )

    def find(self, one: Adversary, origin: str | None) -> AttentionModel | None:
        """The model that an earlier run trained with these settings, on the CPU."""
        return self.kept.find(one.name, _facts(one, origin))

    def keep(self, model: AttentionModel, one: Adversary, origin: str | None, epochs: int) -> None:
        """Write the checkpoint of a model after `epochs` epochs, with how it came about."""
        self.kept.keep(model, one.name, _facts(one, origin), epochs=epochs)


def _facts(one: Adversary, origin: str | None) -> dict[str, Any]:
    return {
        "lambda": one.strength,
        "start": one.unit.start,
        "seed": one.unit.seed,
        "origin": origin,
    }
