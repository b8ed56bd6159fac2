"""Folders that are nearly a classifier of transformers: what each is, and what to do with it."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from attnaudit.errors import ModelError

ADAPTER = "adapter_config.json"
_SENTENCES = ("modules.json", "config_sentence_transformers.json")
_SAVE = "save the model with save_pretrained, and its tokenizer next to it"


def refuse_near_misses(folder: Path, name: str) -> None:
    """Raise ModelError for a folder without a config.json, or with an adapter in it."""
    files = {path.name for path in folder.iterdir()}
    if ADAPTER in files:
        raise adapter_error(name, _base_of(folder / ADAPTER))
    if "config.json" in files:
        return
    what, hint = "has no config.json", _SAVE
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if any(file.endswith(".gguf") for file in files):
        what += ": it contains GGUF, a format for generating text"
        hint = "audit the classifier from which it was made, saved with save_pretrained"
    elif files.intersection(_SENTENCES):
        what += ": it is a model of sentence-transformers"
        hint = "audit a classifier (a CrossEncoder saved with save_pretrained is one)"
    elif inside:
        hint = f"did you mean the folder {str(folder / inside[0])!r}?"
    elif any(file.endswith(".onnx") for file in files):
        what += ": it contains ONNX, a format that does not show what happens inside"
        hint = "audit the model from which it was exported"
    raise ModelError(what, where=name, hint=hint)


def adapter_error(name: str | Path, base: str | None = None) -> ModelError:
    """What is said of an adapter, which changes a `base` model and is none itself."""
    of = f" for {base!r:.80}" if base else ""
    return ModelError(
        f"is a PEFT adapter such as LoRA{of}, not a whole model",
        where=name,
        hint="merge it: load it with peft's AutoPeftModelForSequenceClassification, call"
        " merge_and_unload(), then save_pretrained into a new folder, the tokenizer too",
    )


def _base_of(path: Path) -> str | None:
    """The model that an adapter belongs to, where its file says so."""
    try:
        content = json.loads(path.read_bytes()[: 1 << 20])
        base = content["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return base if isinstance(base, str) else None


def weights_error(files: Collection[str], where: str | Path) -> ModelError:
    """What is said of files without weights in safetensors."""
    if ADAPTER in files:
        return adapter_error(where)
    if any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in files):
        return ModelError(
            "has its weights only as pickle files",
            where=where,
            hint="convert them if you trust them: load the model with transformers and call "
            "save_pretrained, which writes safetensors",
        )
    for ending, form, asked in (
        (".h5", "TensorFlow", "from_tf"),
        (".msgpack", "Flax", "from_flax"),
    ):
        if any(name.endswith(ending) for name in files):
            return ModelError(
                f"has its weights only for {form}",
                where=where,
                hint=f"convert them: from_pretrained(..., {asked}=True) of transformers 4, then"
                " save_pretrained",
            )
    for ending, form in ((".gguf", "GGUF"), (".onnx", "ONNX")):
        if any(name.endswith(ending) for name in files):
            return ModelError(
                f"has its weights only as {form}",
                where=where,
                hint="audit the model from which it was made, saved with save_pretrained",
            )
    return ModelError(
        "has no model.safetensors", where=where, hint="save the model with save_pretrained"
    )
