"""The last rung: models with other parameters, from the records of `adversary --lambda`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydantic

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_path
from attnaudit.records.schema import Header

QUESTION = "model-adversary"
_HINT = "give the file that `attnaudit adversary --lambda 0.002 --records FILE` wrote"
_SAME = 1e-3  # how far an answer may be from the recorded one of the same model


class AdversaryFile(Settings):
    """A file of records, and what they are of."""

    path: str = pydantic.Field(description="The path of the records, as it was given.")
    sha256: str = pydantic.Field(description="The SHA-256 of the records.")
    model_sha256: str | None = pydantic.Field(
        None, description="The SHA-256 of the audited model, if the model has a file."
    )
    data_sha256: str | None = pydantic.Field(
        None, description="The SHA-256 of the data, if that is known."
    )
    reading: str = pydantic.Field(
        "mean", description="Which reading of the attention the records compare."
    )


@dataclass(frozen=True)
class Farthest:
    """Of one text: what the audited model answers, and the farthest model with nearly that answer.

    `jsd` and `tvd` are 0 where no model `fits`.
    """

    probs: Sequence[float] = ()
    jsd: float = 0.0
    tvd: float = 0.0
    fits: bool = False


def read_file(path: Path) -> AdversaryFile:
    """The file that `--model-adversary` names.

    Raises InputError for one that cannot be read, or that holds other records.
    """
    from attnaudit.questions.opening import open_records  # knows all questions, this one too

    header = open_records(path).header
    if header.audit != QUESTION:
        raise InputError(
            f"contains records of {header.audit}, not of {QUESTION}", where=path, hint=_HINT
        )
    return AdversaryFile(
        path=str(path),
        sha256=sha256_path(path),
        model_sha256=header.model.sha256,
        data_sha256=header.dataset.rows_digest,
        reading=str(header.settings.get("reading", "mean")),
    )


def check_same(file: AdversaryFile | None, header: Header) -> None:
    """Raise InputError if the records are of another model, data set or reading than `header`."""
    if file is None:
        return
    for what, theirs, ours in (
        ("another model", file.model_sha256, header.model.sha256),
        ("other data", file.data_sha256, header.dataset.rows_digest),
        (f"the reading {file.reading}", file.reading, header.settings["reading"]),
    ):
        if theirs != ours:
            raise InputError(
                f"--model-adversary contains records of {what}",
                where=file.path,
                hint="run `attnaudit adversary --lambda` on this model and data, with --records and"
                f" --reading {header.settings['reading']}",
            )


@dataclass(frozen=True)
class Parameters:
    """The texts of the audited split, by id, with the farthest model of each."""

    path: str
    texts: dict[str, Farthest]

    @classmethod
    @lru_cache(maxsize=1)  # asked for by every text
    def of(cls, file: AdversaryFile, epsilon: float) -> Parameters:
        """What the records say of models whose answer to a text moves by at most `epsilon`.

        Imitators count, too: their parameters are other ones as well. Raises InputError for a file
        that has changed.
        """
        from attnaudit.questions.opening import open_records  # knows all questions, this one too
        from attnaudit.questions.runs import audited_split

        path = Path(file.path)
        if sha256_path(path) != file.sha256:
            raise InputError("has changed since the audit began", where=path)
        splits: dict[str, dict[str, Farthest]] = {}
        for record in open_records(path):
            if not record.get("diverged"):
                here = splits.setdefault(record["run"]["split"], {})
                known = here.get(record["id"], Farthest())
                here[record["id"]] = _with(known, record, epsilon)
        return cls(file.path, splits.get(audited_split(splits), {}))

    def at(self, name: str, probs: list[float]) -> Farthest | None:
        """The farthest model of the text with the id `name`; None where the file lacks the text.

        Raises InputError where the audited model of the records answers otherwise.
        """
        found = self.texts.get(name)
        if found is None:
            return None
        same = len(found.probs) == len(probs) and all(
            abs(a - b) <= _SAME for a, b in zip(found.probs, probs, strict=True)
        )
        if not same:
            raise InputError(
                f"is of another model or other texts: the answer to {name!r} differs",
                where=self.path,
                hint=_HINT,
            )
        return found


def _with(known: Farthest, record: Mapping[str, Any], epsilon: float) -> Farthest:
    """What is known of a text, with one more record of it."""
    if record["run"].get("model") == "base":
        return replace(known, probs=record["probs"])
    if record["tvd"] > epsilon or (known.fits and record["jsd"] <= known.jsd):
        return known
    return replace(known, jsd=record["jsd"], tvd=record["tvd"], fits=True)
