"""How models of a plant are kept: their weights alone, since the plant itself makes the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from attnaudit.execution.files import atomic
from attnaudit.models.blank import Fresh
from attnaudit.models.interface import AttentionModel, ModelSpec
from attnaudit.models.untrained import Saving, Trained

SUFFIX = ".pt"


def saving(fresh: Fresh, spec: ModelSpec) -> Saving:
    """How models that `fresh` makes are written and read."""

    def write(model: AttentionModel, path: Path, record: dict[str, Any]) -> None:
        with atomic(path, "wb") as file:
            torch.save({"weights": model.state_dict(), "training": record}, file)

    def read(path: Path) -> Trained:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        model = fresh(int(kept["training"]["seed"]))  # what a seed decides is not all in weights
        model.load_state_dict(kept["weights"])
        return Trained(model, spec, None, kept["training"])

    return Saving(write, SUFFIX, read)
