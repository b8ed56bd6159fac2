"""The scores that other tools made, read once for all questions about the same data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from attnaudit.data.aligned import Aligned, align
from attnaudit.data.attributions import check_size
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_file
from attnaudit.execution.observer import Observer
from attnaudit.importance.attributed import Attribution
from attnaudit.running.job import MIN_WORDS
from attnaudit.wording import percent

if TYPE_CHECKING:
    from attnaudit.running.work import Work


@dataclass
class Attributed:
    """The scores of files by their digest; all works about one data set share it."""

    _known: dict[str, Aligned] = field(default_factory=dict)
    _remarks: list[str] = field(default_factory=list)

    def tell(self, observer: Observer) -> None:
        """Tell the user what is unusual about the files that were read since the last call."""
        for remark in self._remarks:
            observer.say(remark)
        self._remarks.clear()

    def of(self, work: Work, one: Attribution) -> Aligned:
        """The scores of a file for the texts of `work`.

        Raises InputError for a file that cannot be read, or that is not what it was.
        """
        if one.sha256 not in self._known:
            path = Path(one.path)
            check_size(path)
            if sha256_file(path) != one.sha256:
                raise InputError(
                    "has changed since this run began, or is another file where a worker looks",
                    where=path,
                    hint="run again",
                )
            found = align(
                path,
                work.spec,
                work.data,
                min_words=MIN_WORDS,
                limit=work.job.limit,
                pieces=work.job.pieces,
            )
            self._remarks += _remarks(one, found)
            self._known[one.sha256] = found
        return self._known[one.sha256]


def _remarks(one: Attribution, found: Aligned) -> list[str]:
    """What the user must know of scores that are not all that the audit could use."""
    said = []
    if found.scored < found.texts:
        said.append(
            f"it has scores for {found.scored:,} of {found.texts:,} audited texts; the others are"
            " left out of its figures"
        )
    if found.elsewhere:
        said.append(f"{found.elsewhere:,} of its rows are of texts that are not audited")
    if found.left_out > 0:
        said.append(
            f"{percent(found.left_out, 1)} of its scores, by size, are of no word that is audited"
            " (spaces, special tokens, words behind the cut)"
        )
    return [f"{one.path}: {'; '.join(said)}"] if said else []
