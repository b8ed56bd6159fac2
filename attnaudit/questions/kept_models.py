"""Trained models on disk, which later work begins from and a resumed run need not train again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attnaudit.errors import OutputError
from attnaudit.execution.code import code_digest
from attnaudit.execution.files import check_folder, check_writable, output_errors
from attnaudit.execution.observer import Observer
from attnaudit.models.interface import AttentionModel
from attnaudit.models.retraining import Retraining
from attnaudit.models.untrained import Saving
from attnaudit.questions.recording import Ledger


@dataclass(frozen=True)
class KeptModels:
    """A folder of models of one kind, each in a file or folder `NAME{suffix}`.

    `pattern` is what the names look like, such as `seed*`; `option` is the one that names the
    folder. `facts` is what all these trainings share, with the audited model's `base_sha256`; they
    stand in what is written beside each model. `origin` is what the trainings depend on besides.
    With `reuse`, models of the very same training that stand there are taken in place of it.
    """

    folder: Path
    pattern: str
    option: str
    saving: Saving
    facts: Mapping[str, Any]
    origin: Mapping[str, Any] = field(default_factory=dict)
    reuse: bool = False

    def open(self, clear: bool) -> None:
        """Make the folder, before any model is looked for or written.

        Raises OutputError where nothing can be written, and as `check` does.
        """
        self.check(clear)
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        check_writable(self.folder / "probe")
        if not self._are_of_this_model():
            self._clear()

    def check(self, clear: bool) -> None:
        """Raise OutputError where the folder cannot be used, and leave it as it is.

        It may hold models that belong to another audited model: they are not to be lost, unless
        `clear` is set.
        """
        check_folder(self.folder)
        if not clear and not self._are_of_this_model():
            raise OutputError(
                "contains models that were trained for another audited model",
                where=self.folder,
                hint=f"name another folder with {self.option}, or remove them",
            )

    def path(self, name: str) -> Path:
        """Where the model of that name stands."""
        return self.folder / f"{name}{self.saving.suffix}"

    def find(self, name: str, own: Mapping[str, Any]) -> AttentionModel | None:
        """The model that an earlier run trained just so, on the CPU; None where there is none.

        `own` is what tells its training from the others.
        """
        path = self.path(name)
        if not self.reuse or not path.exists():
            return None
        found = self.saving.read(path)
        same = found.training.get("digest") == self._digest(own)
        return found.model if same else None

    def keep(self, model: AttentionModel, name: str, own: Mapping[str, Any], **told: Any) -> None:
        """Write a model, with how it came about; `told` is noted, and tells no trainings apart."""
        record = {**own, **self.facts, **told, "digest": self._digest(own)}
        self.saving.write(model, self.path(name), record)

    def _there(self) -> list[Path]:
        return sorted(self.folder.glob(f"{self.pattern}{self.saving.suffix}"))

    def _are_of_this_model(self) -> bool:
        """Whether the models that stand there, all of one audited model, belong to this one."""
        return all(
            self.saving.read(path).training.get("base_sha256") == self.facts["base_sha256"]
            for path in self._there()[:1]
        )

    def _clear(self) -> None:
        with output_errors(self.folder):
            for path in self._there():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _digest(self, own: Mapping[str, Any]) -> str:
        told = json.dumps({**self.facts, **self.origin, **own}, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


def kept_models(
    retraining: Retraining, ledger: Ledger, name: str, pattern: str, maker: str, **facts: Any
) -> KeptModels | None:
    """The models that question `name` trains by the recipe; None where they are not kept.

    `maker` is the module that makes them, whose code is part of what they depend on. `facts` is
    what its trainings share besides the audited model, the data and the schedule.
    """
    if ledger.models is None or retraining.recipe.saving is None:
        return None
    return KeptModels(
        ledger.models,
        pattern,
        "--keep",
        retraining.recipe.saving,
        {
            "kept": name,
            "base_sha256": ledger.model_sha256,
            "data_sha256": [retraining.splits[split].sha256 for split in ("train", "dev")],
            "schedule": retraining.schedule.model_dump(mode="json", exclude={"seed"}),
            **facts,
        },
        {"code": code_digest(maker), "recipe": dict(retraining.recipe.origin)},
        ledger.resume or ledger.reuse,
    )


def open_kept(kept: KeptModels | None, ledger: Ledger, observer: Observer) -> None:
    """See to the folder before any training, or say that nothing can be kept.

    Raises OutputError if models are to be kept and cannot be written.
    """
    if kept:
        (kept.check if ledger.dry else kept.open)(ledger.reuse)
    elif ledger.models is not None:
        observer.say("the models are not kept, because models of this kind have no checkpoints")
