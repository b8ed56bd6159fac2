"""`model.pt`: a classic model with all that is needed to audit it, and to train it again.

The file is a torch archive of tensors and plain values, read with `weights_only=True`: nothing in
it is ever unpickled into code.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import torch
from torch import Tensor

from attnaudit.config import in_words
from attnaudit.data.names import check_labels
from attnaudit.data.settings import ReadingSettings
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.files import atomic
from attnaudit.inputs import open_input
from attnaudit.models.archive import OddError, PickledError, check_archive
from attnaudit.models.classic.classifier import ClassicModel, Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.recipe import TrainConfig

F = TypeVar("F")
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

    What it holds is checked for type, size and shape before it is used, for the file may be
    anybody's: nothing that it claims makes memory be taken that its own bytes do not fill.

    Raises ModelError if the file is missing, truncated, holds pickled objects, belongs to another
    program or a newer version, or if its weights do not fit or are not finite.
    """
    content = _read(path)
    if not isinstance(content, dict) or _text(content.get("format")) != FORMAT:
        raise ModelError(
            "is a torch file, but not a checkpoint of attnaudit",
            where=path,
            hint=_HINT,
        )
    version = content.get("version")
    if type(version) is not int or version != VERSION:
        shown = version if type(version) is int else f"of type {type(version).__name__}"
        raise ModelError(
            f"has checkpoint version {shown}, but this attnaudit reads version {VERSION}",
            where=path,
            hint="upgrade attnaudit",
        )
    try:
        return _made(content)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(key) for key in first["loc"])
        what = f"{error.title}: {place}: {in_words([first])}"
    except (_DamagedError, ValueError, RuntimeError) as error:
        what = str(error).partition("\n")[0]
    raise ModelError(f"is a damaged checkpoint ({what})", where=path, hint="train again") from None


class _DamagedError(Exception):
    pass


def _made(content: dict[Any, Any]) -> Checkpoint:
    spec = ModelSpec(
        Vocabulary(_texts(content, "words")),
        _texts(content, "labels"),
        _field(content, "paired", bool),
    )
    if len(spec.labels) < 2 or len(set(spec.labels)) < len(spec.labels) or "" in spec.labels:
        raise _DamagedError("'labels' must be two or more different names")
    check_labels(spec.labels)
    recipe = Recipe.model_validate(_field(content, "recipe", dict))
    reading = ReadingSettings.model_validate(_field(content, "reading", dict), strict=False)
    if reading.tokeniser.file is not None:
        raise _DamagedError(
            "its tokeniser is the path of a file, but should be the text of that file"
        )
    config = TrainConfig.model_validate(_field(content, "config", dict), strict=False)
    training = _field(content, "training", dict)
    weights = _field(content, "weights", dict)
    with torch.device("meta"):  # shapes without memory, which the recipe may ask too much of
        _check_weights(weights, build_classic(recipe, spec, seed=0).state_dict())
    model = build_classic(recipe, spec, seed=0)
    model.load_state_dict(weights)
    return Checkpoint(model.eval(), reading, config, training)


def _check_weights(weights: dict[Any, Any], wanted: Mapping[str, Tensor]) -> None:
    if missing := [name for name in wanted if name not in weights]:
        raise _DamagedError(f"it lacks the weights {missing[0]!r}")
    if more := sorted(str(name) for name in weights.keys() - wanted.keys()):
        raise _DamagedError(
            f"it has the weights {more[0]!r:.60}, which do not belong to its recipe"
        )
    for name, like in wanted.items():
        given = weights[name]
        if type(given) is not Tensor or given.layout is not torch.strided:
            raise _DamagedError(f"the weights {name!r} are not a tensor")
        if given.dtype not in (torch.float32, torch.float64):
            kind = str(given.dtype).removeprefix("torch.")
            raise _DamagedError(f"the weights {name!r} have the type {kind}, not float32")
        if given.shape != like.shape:
            shapes = " x ".join(map(str, given.shape)), " x ".join(map(str, like.shape))
            raise _DamagedError(f"the weights {name!r} are {shapes[0]}, not {shapes[1]}")
        if not given.is_contiguous():  # one number may stand for a million
            raise _DamagedError(f"the weights {name!r} are not stored in one piece")
        if not bool(given.isfinite().all()):
            raise _DamagedError(f"its weights are not finite (in {name})")


def _field(content: dict[Any, Any], name: str, kind: type[F]) -> F:
    if name not in content:
        raise _DamagedError(f"it lacks {name!r}")
    value = content[name]
    if type(value) is not kind:
        raise _DamagedError(f"{name!r} has the type {type(value).__name__}, not {kind.__name__}")
    return value


def _texts(content: dict[Any, Any], name: str) -> tuple[str, ...]:
    values = _field(content, name, list)
    for value in values:
        if type(value) is not str:
            raise _DamagedError(
                f"{name!r} contains a {type(value).__name__}, but must contain only text"
            )
    return tuple(values)


def _text(value: object) -> str | None:
    return value if type(value) is str else None


def _read(path: Path) -> Any:
    if path.is_dir():
        inside = path / "model.pt"
        hint = f"did you mean {str(inside)!r}?" if inside.is_file() else None
        raise ModelError("is a folder, not a checkpoint", where=path, hint=hint)
    if not path.exists():
        raise ModelError("no such file", where=path, hint="make one with `attnaudit train`")
    try:
        with open_input(path) as file:
            start = file.read(len(_ZIP))
    except InputError as error:
        raise ModelError(error.what, where=path, hint=error.hint) from None
    except OSError as error:
        raise ModelError(f"cannot be read ({error.strerror})", where=path) from error
    if start and start != _ZIP:
        raise ModelError("is not a torch archive", where=path, hint=_HINT)
    try:
        check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (PickledError, pickle.UnpicklingError) as error:
        raise ModelError(
            "contains pickled Python objects, which attnaudit never loads",
            where=path,
            hint="save weights only, or audit the model as package.module:factory",
        ) from error
    except OddError as error:
        raise ModelError(
            f"is not a checkpoint as `attnaudit train` writes it ({error})", where=path, hint=_HINT
        ) from None
    except Exception as error:  # a damaged archive makes torch raise nearly anything
        raise ModelError(
            "is truncated or damaged", where=path, hint="copy it again, or train again"
        ) from error
