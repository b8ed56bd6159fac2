"""Adversaries on disk: checkpoints by lambda, start and seed; a resumed run trains none again."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnaudit.errors import OutputError
from attnaudit.execution.code import code_digest
from attnaudit.execution.files import check_folder, check_writable, output_errors
from attnaudit.models.imitation import KL_CLIP
from attnaudit.models.interface import AttentionModel
from attnaudit.models.retraining import Retraining
from attnaudit.models.untrained import Saving
from attnaudit.questions.model_adversary.choice import Adversary
from attnaudit.questions.recording import Ledger

_MAKER = "attnaudit.questions.model_adversary.make"


@dataclass(frozen=True)
class Store:
    """A folder of checkpoints `lambda0.001-warm-seed1.pt`, or of folders without that ending.

    `facts` is what all its trainings share: the audited model, the data, the schedule. With
    `reuse`, checkpoints of the same training that stand there are taken in place of it.
    """

    folder: Path
    saving: Saving
    facts: dict[str, Any]
    reuse: bool

    @classmethod
    def of(
        cls, retraining: Retraining, ledger: Ledger, epochs: int, patience: int, reading: str
    ) -> Store | None:
        """The store in the ledger's folder; None where models are not kept."""
        if ledger.models is None or retraining.recipe.saving is None:
            return None
        schedule = retraining.schedule.model_copy(update={"epochs": epochs, "patience": patience})
        facts = {
            "base_sha256": ledger.model_sha256,
            "data_sha256": [retraining.splits[split].sha256 for split in ("train", "dev")],
            "schedule": schedule.model_dump(mode="json", exclude={"seed"}),
            "kl_clip": KL_CLIP,
            "reading": reading,
        }
        return cls(ledger.models, retraining.recipe.saving, facts, ledger.resume or ledger.reuse)

    def open(self, clear: bool) -> None:
        """Make the folder, before any checkpoint is looked for or written.

        Raises OutputError where nothing can be written, and as `check` does.
        """
        self.check(clear)
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        check_writable(self.folder / "probe")
        if not self._is_of_this_model():
            self._clear()

    def check(self, clear: bool) -> None:
        """Raise OutputError where the folder cannot be used, and leave it as it is.

        It may hold adversaries of another model: they are not to be lost, unless `clear` is set.
        """
        check_folder(self.folder)
        if not clear and not self._is_of_this_model():
            raise OutputError(
                "holds adversaries of another model",
                where=self.folder,
                hint="name another folder with --models, or remove them",
            )

    def _checkpoints(self) -> list[Path]:
        return sorted(self.folder.glob(f"lambda*-seed*{self.saving.suffix}"))

    def _is_of_this_model(self) -> bool:
        """Whether the checkpoints that stand there, all of one model, are of the audited one."""
        return all(
            self.saving.read(path).training.get("base_sha256") == self.facts["base_sha256"]
            for path in self._checkpoints()[:1]
        )

    def _clear(self) -> None:
        with output_errors(self.folder):
            for path in self._checkpoints():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def path(self, one: Adversary) -> Path:
        """Where the checkpoint of an adversary stands."""
        return self.folder / one.file(self.saving.suffix)

    def find(self, one: Adversary, origin: str | None) -> AttentionModel | None:
        """The model that an earlier run trained with these settings, on the CPU.

        `origin` says what a warm-started one began from; it is None for one from scratch.
        """
        path = self.path(one)
        if not self.reuse or not path.exists():
            return None
        checkpoint = self.saving.read(path)
        if checkpoint.training.get("digest") != self._digest(one, origin):
            return None
        return checkpoint.model

    def keep(self, model: AttentionModel, one: Adversary, origin: str | None, epochs: int) -> None:
        """Write the checkpoint of a model after `epochs` epochs, with how it came about."""
        record = {
            "adversary": "model-consistent",
            **self._facts_of(one, origin),
            "epochs": epochs,
            "digest": self._digest(one, origin),
        }
        self.saving.write(model, self.path(one), record)

    def _facts_of(self, one: Adversary, origin: str | None) -> dict[str, Any]:
        own = {"lambda": one.strength, "start": one.unit.start, "seed": one.unit.seed}
        return {**self.facts, **own, "origin": origin}

    def _digest(self, one: Adversary, origin: str | None) -> str:
        facts = {**self._facts_of(one, origin), "code": code_digest(_MAKER)}
        told = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()
