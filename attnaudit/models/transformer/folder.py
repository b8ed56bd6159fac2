"""What `attnaudit train` leaves of a transformer: a folder that transformers itself can load.

Beside the model's files stands `attnaudit.json`: how the model was trained and how its texts were
read, which is what audits that train it again need. A folder without it can still be audited.
"""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnaudit.data.settings import ReadingSettings
from attnaudit.errors import ModelError, OutputError
from attnaudit.execution.files import check_folder, output_errors
from attnaudit.models.recipe import FineTuneConfig
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.opening import Opened
from attnaudit.models.transformer.reference import explained

BESIDE = "attnaudit.json"
FORMAT = "attnaudit-transformer"
VERSION = 1


@dataclass(frozen=True)
class Beside:
    """What stands in `attnaudit.json`; the tokenizer of `reading` is the folder's own."""

    reading: ReadingSettings
    paired: bool
    config: FineTuneConfig
    training: dict[str, Any]


def check_place(path: Path, pretrained: Path) -> None:
    """Raise OutputError where a folder at `path` cannot be written, or would destroy another's.

    An older folder of ours gives way, but not the `pretrained` one that training begins from.
    """
    check_folder(path)
    if not path.exists():
        return
    if pretrained.is_dir() and path.samefile(pretrained):
        raise OutputError(
            "is the pretrained model itself, which the trained model would overwrite",
            where=path,
            hint="choose another folder",
        )
    with output_errors(path):
        if any(path.iterdir()) and not (path / BESIDE).is_file():
            raise OutputError(
                "is a folder that attnaudit did not write; its content would be lost",
                where=path,
                hint="choose another one, or remove it",
            )


def write_folder(path: Path, model: TransformerClassifier, opened: Opened, beside: Beside) -> None:
    """Write the folder, whole or not at all; an older one gives way (see `check_place`).

    Raises OutputError.
    """
    check_place(path, opened.reference.folder)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "reading": beside.reading.model_dump(mode="json", exclude={"tokeniser"}),
        "paired": beside.paired,
        "config": beside.config.model_dump(mode="json", exclude={"output"}),
        "training": beside.training,
    }
    fresh, old = (path.with_name(f".{path.name}-{secrets.token_hex(4)}") for _ in range(2))
    with output_errors(path):
        try:
            fresh.mkdir(parents=True)
            network: Any = model.network
            with explained(opened.reference, "it cannot be saved"):
                network.save_pretrained(fresh)
                opened.tokenizer.save_pretrained(fresh)
            (fresh / BESIDE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            for file in fresh.iterdir():  # safetensors makes files that only their owner can read
                shutil.copymode(fresh / BESIDE, file)
            if path.exists():
                path.rename(old)
            fresh.rename(path)
        finally:
            if old.exists() and not path.exists():
                old.rename(path)
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def read_beside(folder: Path, opened: Opened) -> Beside | None:
    """What stands beside the model in `folder`; None where nothing does.

    Raises ModelError for a file that is damaged or of a newer version.
    """
    path = folder / BESIDE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["version"]
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        if version != VERSION:
            raise ModelError(
                f"has version {version}, but this attnaudit reads version {VERSION}",
                where=path,
                hint="upgrade attnaudit",
            )
        tokeniser = opened.reading().tokeniser
        reading = ReadingSettings.model_validate(content["reading"], strict=False)
        config = FineTuneConfig.model_validate(content["config"], strict=False)
        reading = reading.model_copy(update={"tokeniser": tokeniser})
        return Beside(reading, bool(content["paired"]), config, dict(content["training"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        first = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelError(
            f"is damaged ({first})", where=path, hint="remove it, or train the model again"
        ) from error
