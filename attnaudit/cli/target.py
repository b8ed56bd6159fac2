"""What `attnaudit audit` is given: a CONFIG to train by, or a MODEL that there is already."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from attnaudit.cli.samples import sample_folder
from attnaudit.errors import InputError

_YAML = (".yaml", ".yml")
_OTHERS = (".safetensors", ".bin", ".ckpt", ".pth", ".onnx")  # weights without what they belong to
_BOTH = (
    "a CONFIG is a YAML file or the name of a sample; a MODEL is a folder with config.json, a "
    "model.pt, a hub id such as owner/name, or package.module:factory"
)


def is_model(name: str) -> bool:
    """Whether `name` is a MODEL; else it is a CONFIG.

    The name of a sample is a CONFIG even where a folder is called so; `./NAME` is then the folder.
    Raises InputError for what is neither.
    """
    from attnaudit.data.reader import ROW_SUFFIXES
    from attnaudit.models.references import is_hub_id, is_plugin

    path = Path(name)
    suffix = path.suffix.lower()
    if _is_sample(name) or suffix in _YAML:
        return False
    if path.is_dir():
        return _is_model_folder(path)
    if suffix in ROW_SUFFIXES:
        hint = f"give one of them first: `quickstart --data {name}` trains a model"
        raise _neither(name, "is data", hint)
    if suffix in _OTHERS:
        raise _neither(name, "contains only weights", "give the folder that contains config.json")
    if suffix == ".pt" or is_hub_id(name) or is_plugin(name):
        return True
    if path.is_file():
        return False
    known = sorted(sample.stem for sample in sample_folder().glob("*.yaml"))
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else _BOTH
    raise _neither(name, "is not a file, a folder or a sample configuration", hint)


def check_config(name: str) -> None:
    """Raise InputError for data in the place of a CONFIG."""
    from attnaudit.data.reader import ROW_SUFFIXES

    if Path(name).suffix.lower() in ROW_SUFFIXES:
        raise InputError(
            "is data, not a CONFIG",
            where=name,
            hint=f"give a CONFIG first: `quickstart --data {name}`",
        )


def _is_sample(name: str) -> bool:
    return (
        os.sep not in name
        and not Path(name).is_file()
        and (sample_folder() / f"{name}.yaml").is_file()
    )


def _is_model_folder(path: Path) -> bool:
    if (path / "config.json").is_file():
        return True
    inside = next((path / n for n in ("model.pt", "model") if (path / n).exists()), None)
    hint = _BOTH if inside is None else f"did you mean {str(inside)!r}?"
    raise _neither(str(path), "is a folder without config.json", hint)


def _neither(name: str, what: str, hint: str) -> InputError:
    return InputError(f"{what}, so it is neither a CONFIG nor a MODEL", where=name, hint=hint)
