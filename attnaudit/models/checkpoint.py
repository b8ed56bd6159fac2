"""`model.pt`: a classic model with all that is needed to audit it, and to train it again.

The file is a torch archive of tensors and plain values, read with `weights_only=True`: nothing in
it is ever unpickled into code.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from attnaudit.data.spec import ReadingSettings
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import ModelError
from attnaudit.execution.files import atomic
from attnaudit.models.classic.classifier import ClassicModel, Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.recipe import TrainConfig

FORMAT = "attnaudit-model"
VERSION = 1
_ZIP = b"PK\x03\x04"  # how the archives of torch begin
_HINT = "make one with `attnaudit train`, or audit your model as package.module:factory"


@dataclass(frozen=True)
class Checkpoint:
    """A model, how its texts are read, how it was trained, and the record of that."""

    model: ClassicModel
    reading: ReadingSettings
    config: TrainConfig
    training: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically; raises OutputError where that cannot be done."""
        spec = self.model.spec
        content = {
            "format": FORMAT,
            "version": VERSION,
            "recipe": self.model.recipe.model_dump(mode="json"),
            "words": list(spec.vocabulary.words),
            "labels": list(spec.labels),
            "paired": spec.paired,
            "reading": self.reading.model_dump(mode="json"),
            "config": self.config.model_dump(mode="json", exclude={"output"}),
            # Through JSON, lest a training that was resumed, whose strings are other objects, give
            # other bytes: a pickle tells equal objects from the same one.
            "training": json.loads(json.dumps(self.training)),
            "weights": {name: w.cpu() for name, w in self.model.state_dict().items()},
        }
        with atomic(path, "wb") as file:
            torch.save(content, file)


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in `path`, its model in eval mode on the CPU.

    Raises ModelError if the file is missing, truncated, holds pickled objects, belongs to another
    program or a newer version, or if its weights do not fit or are not finite.
    """
    content = _read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelError(
            "is a torch file, but not a checkpoint of attnaudit",
            where=path,
            hint=_HINT,
        )
    if content.get("version") != VERSION:
        raise ModelError(
            f"has checkpoint version {content.get('version')}, this attnaudit reads {VERSION}",
            where=path,
            hint="upgrade attnaudit",
        )
    try:
        spec = ModelSpec(Vocabulary(content["words"]), tuple(content["labels"]), content["paired"])
        model = build_classic(Recipe(**content["recipe"]), spec, seed=0)
        model.load_state_dict(content["weights"])
        reading = ReadingSettings.model_validate(content["reading"], strict=False)
        config = TrainConfig.model_validate(content["config"], strict=False)
        checkpoint = Checkpoint(model.eval(), reading, config, content["training"])
    except Exception as error:  # what is missing or of another kind fails in its own way
        first = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelError(f"is a damaged checkpoint ({first})", where=path) from error
    for name, weight in model.state_dict().items():
        if not bool(weight.isfinite().all()):
            raise ModelError(f"holds weights that are not finite (in {name})", where=path)
    return checkpoint


def _read(path: Path) -> Any:
    if path.is_dir():
        inside = path / "model.pt"
        hint = f"did you mean {str(inside)!r}?" if inside.is_file() else None
        raise ModelError("is a folder, not a checkpoint", where=path, hint=hint)
    if not path.exists():
        raise ModelError("no such file", where=path, hint="make one with `attnaudit train`")
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP))
    except OSError as error:
        raise ModelError(f"cannot be read ({error.strerror})", where=path) from error
    if start and start != _ZIP:
        raise ModelError("is not a torch archive", where=path, hint=_HINT)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            "holds pickled Python objects, which attnaudit never loads",
            where=path,
            hint="save weights only, or audit the model as package.module:factory",
        ) from error
    except Exception as error:  # a damaged archive makes torch raise nearly anything
        raise ModelError(
            "is truncated or damaged", where=path, hint="copy it again, or train anew"
        ) from error
