"""What the model-consistent adversary takes from earlier questions of a suite."""

from __future__ import annotations

from typing import Any

from attnaudit.questions.model_adversary.seeds_budget import budget_on_dev
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.starts import models_in, read_start
from attnaudit.questions.question import Earlier

SEEDS = "seeds"  # the folder beside that of the adversaries in which seed-baseline keeps models


def build_on(settings: ModelSettings, earlier: Earlier) -> ModelSettings:
    """With the budget that the seeds set on dev, and with their models to start from.

    Raises InputError for records of seed-baseline that cannot be read.
    """
    seeds = earlier.records.get("seed-baseline")
    if seeds is None:
        return settings
    found: dict[str, Any] = {"budget": budget_on_dev(seeds)}
    folder = earlier.models.parent / SEEDS
    if models_in(folder):
        found["start"] = read_start(folder)
    return settings.model_copy(update=found)
