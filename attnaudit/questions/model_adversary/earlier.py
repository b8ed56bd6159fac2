"""What the model-consistent adversary takes from earlier questions of a suite."""

from __future__ import annotations

from attnaudit.questions.model_adversary.seeds_tvd import read_seeds_tvd
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.question import Earlier


def build_on(settings: ModelSettings, earlier: Earlier) -> ModelSettings:
    """With the TVD of the seeds, on which a sweep closes in.

    Raises InputError for records of seed-baseline that cannot be read.
    """
    seeds = earlier.records.get("seed-baseline")
    if seeds is None or not settings.refine:
        return settings
    return settings.model_copy(update={"seeds_tvd": read_seeds_tvd(seeds)})
