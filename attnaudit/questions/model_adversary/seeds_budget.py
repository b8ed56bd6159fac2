"""The budget on dev that other seeds of the recipe set, from the records of seed-baseline."""

from __future__ import annotations

from pathlib import Path

import pydantic

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.questions.scored import SCORES, ScoreName
from attnaudit.records.schema import Header


class SeedsBudget(Settings):
    """How far other seeds of the recipe may move the answers on dev (see `questions.budget`)."""

    tvd: float = pydantic.Field(
        ge=0, le=1, description="The largest mean TVD of the answers that is allowed."
    )
    flips: float = pydantic.Field(
        ge=0, le=1, description="The largest share of flipped labels that is allowed."
    )
    loss: float = pydantic.Field(
        ge=0, le=1, description="The largest loss of score that is allowed."
    )
    score: ScoreName = pydantic.Field(
        "macro_f1", description="The score that the loss is measured in."
    )
    model_sha256: str | None = pydantic.Field(
        description="The SHA-256 of the audited model, if the model has a file."
    )
    data_sha256: str | None = pydantic.Field(
        description="The SHA-256 of the data, if that is known."
    )


def read_seeds_budget(path: Path) -> SeedsBudget:
    """The budget on dev, from the records of `seed-baseline` in `path`.

    Raises InputError for a file that does not hold them, or that holds too few seeds.
    """
    found = budget_on_dev(path)
    if found is None:
        raise InputError(
            "contains too few seeds on dev to say how far a further seed may go",
            where=path,
            hint="run `attnaudit seed-baseline` with --seeds 5 or more, on data with a dev split",
        )
    return found


def budget_on_dev(path: Path) -> SeedsBudget | None:
    """The same; None where there are too few seeds.

    Raises InputError for a file that does not hold records of `seed-baseline`.
    """
    from attnaudit.questions.budget import budget_of  # only now: settings are read without numpy
    from attnaudit.questions.opening import open_records  # knows all questions, this one too
    from attnaudit.questions.runs import read_runs
    from attnaudit.questions.score_of_seeds import ScoreOfSeeds

    file = open_records(path)
    header, records = file.header, iter(file)
    if header.audit != "seed-baseline":
        raise InputError(
            f"contains records of {header.audit}, not of seed-baseline",
            where=path,
            hint="give the file that `attnaudit seed-baseline --records` wrote",
        )
    name = score_in(header, path)
    dev = read_runs(r for r in records if r.get("run", {}).get("split") == "dev").get("dev")
    if dev is None:
        return None
    try:
        found = budget_of(dev, ScoreOfSeeds.of(dev, dev.classes, name))
    except ValueError:
        return None
    return SeedsBudget(
        tvd=found.tvd,
        flips=found.flips,
        loss=found.loss,
        score=name,
        model_sha256=header.model.sha256,
        data_sha256=header.dataset.rows_digest,
    )


def score_in(header: Header, path: Path) -> ScoreName:
    """The score by which the models of some records are compared; older records name none.

    Raises InputError for a score that is unknown.
    """
    named = str(header.settings.get("score", "macro_f1"))
    for name in SCORES:
        if name == named:
            return name
    raise InputError(f"names an unknown score {named!r}", where=path)
