"""How far other seeds of the recipe move the answers, from the records of seed-baseline."""

from __future__ import annotations

from pathlib import Path

import pydantic

from attnaudit.config import Settings
from attnaudit.errors import InputError


class SeedsTvd(Settings):
    """How far other seeds of the recipe move the answers: mean TVD on dev, with what it is of."""

    tvd: float = pydantic.Field(
        ge=0, le=1, description="The mean TVD of the answers of other seeds on dev."
    )
    model_sha256: str | None = pydantic.Field(
        description="The SHA-256 of the audited model that it is of, if that has a file."
    )
    data_sha256: str | None = pydantic.Field(
        description="The SHA-256 of the data that it is of, if that is known."
    )


def read_seeds_tvd(path: Path) -> SeedsTvd:
    """The seeds' mean TVD on dev, from the records of `seed-baseline` in `path`.

    Raises InputError for a file that does not hold them.
    """
    import numpy as np  # only now: settings are read without it

    from attnaudit.questions.opening import open_records  # knows all questions, this one too

    file = open_records(path)
    header, records = file.header, iter(file)
    if header.audit != "seed-baseline":
        raise InputError(
            f"holds records of {header.audit}, not of seed-baseline",
            where=path,
            hint="give the file that `attnaudit seed-baseline --records` wrote",
        )
    moved = [
        record["tvd"]
        for record in records
        if record.get("run", {}).get("model") == "seed" and record["run"].get("split") == "dev"
    ]
    if not moved:
        raise InputError("holds no seeds' records on dev", where=path)
    return SeedsTvd(
        tvd=float(np.mean(moved)),
        model_sha256=header.model.sha256,
        data_sha256=header.dataset.sha256,
    )
