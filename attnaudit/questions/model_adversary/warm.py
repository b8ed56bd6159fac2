"""Models that warm-started ones begin from: those that seed-baseline kept, or trained here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnaudit.errors import InputError, ModelError
from attnaudit.execution.observer import Observer
from attnaudit.models.interface import AttentionModel
from attnaudit.models.retraining import Retraining
from attnaudit.models.untrained import Trained
from attnaudit.questions.model_adversary.starts import StartFolder
from attnaudit.questions.recording import Ledger

KEPT = "seed-baseline"  # what a kept model says that it is, under "kept"
_HINT = "make the folder again with `attnaudit seed-baseline --keep DIR` on this model and data"


@dataclass(frozen=True)
class WarmStarts:
    """Where warm-started models begin: in `folder`, or in seeds of the recipe trained here."""

    retraining: Retraining
    folder: StartFolder | None

    @property
    def seeds(self) -> list[int]:
        """The seeds whose models are kept; empty where they are trained here."""
        return list(self.folder.models) if self.folder else []

    def check(self, ledger: Ledger) -> None:
        """Raise InputError, which names the file, for a kept model that is of something else.

        It must be of the audited model, its data and its recipe, and must not repeat its seed.
        """
        wanted = facts_of_kept(self.retraining, ledger)
        for seed, path in (self.folder.models if self.folder else {}).items():
            record = _load(path, self.retraining).training
            if record.get("kept") != KEPT:
                raise InputError("is not a model of seed-baseline", where=path, hint=_HINT)
            for key, what in (
                ("base_sha256", "for another audited model"),
                ("data_sha256", "on other data"),
                ("schedule", "by another recipe"),
            ):
                if record.get(key) != wanted[key]:
                    raise InputError(f"was trained {what}", where=path, hint=_HINT)
            if record.get("seed") != seed:
                raise InputError(f"is not of seed {seed}", where=path, hint=_HINT)
            if seed == self.retraining.schedule.seed:
                raise InputError(
                    f"repeats the audited model: both are of seed {seed}",
                    where=path,
                    hint="remove it from the folder",
                )

    def origin(self, seed: int) -> str:
        """What a model of this seed begins from, as a digest tells it."""
        if self.folder is None:
            return "the recipe"
        return str(_load(self.folder.models[seed], self.retraining).training.get("digest"))

    def begin(self, seed: int, observer: Observer) -> AttentionModel:
        """A trainable model with the weights of the seed's model.

        Raises InputError, which names the file, where its weights are not those of the recipe.
        """
        model = self.retraining.fresh(seed)
        if self.folder is None:
            model.load_state_dict(self.retraining.learned(seed, observer))
            return model
        path = self.folder.models[seed]
        try:
            model.load_state_dict(_load(path, self.retraining).model.state_dict())
        except RuntimeError:
            raise InputError(
                "contains other weights than the recipe says", where=path, hint=_HINT
            ) from None
        return model


def facts_of_kept(retraining: Retraining, ledger: Ledger) -> dict[str, Any]:
    """What a kept model says of the audited model, the data and the recipe that it is of."""
    return {
        "base_sha256": ledger.model_sha256,
        "data_sha256": [retraining.splits[split].sha256 for split in ("train", "dev")],
        "schedule": retraining.schedule.model_dump(mode="json", exclude={"seed"}),
    }


def _load(path: Path, retraining: Retraining) -> Trained:
    try:
        return retraining.recipe.load(path)
    except ModelError as error:
        raise InputError(error.what, where=path, hint=_HINT) from error
