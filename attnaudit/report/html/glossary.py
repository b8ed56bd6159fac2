"""The terms that the page explains, taken from the texts of `attnaudit explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from attnaudit.explanations.described import importances, readings
from attnaudit.explanations.entry import Entry
from attnaudit.explanations.findings import FINDINGS, STATUSES
from attnaudit.explanations.spelling import EVERYDAY, HEADERS, OTHERWISE
from attnaudit.explanations.terms import TERMS
from attnaudit.report.literature import either_of


@dataclass(frozen=True)
class Term:
    """An entry as the page shows it, at the place `anchor`."""

    entry: Entry
    anchor: str

    @property
    def name(self) -> str:
        """What the term is called on the page."""
        return self.entry.name.replace("_", " ")


@cache
def terms() -> dict[str, Term]:
    """All terms by every name that they have, in small letters; the first of a name wins."""
    found: dict[str, Term] = {}
    for entry in (*FINDINGS, *TERMS, *importances(), *readings(), *STATUSES):
        term = Term(entry, f"term-{re.sub(r'[^a-z0-9]+', '-', entry.name.lower()).strip('-')}")
        for name in (entry.name, *entry.aliases):
            for spelled in _spellings(name):
                found.setdefault(spelled, term)
    return found


def _spellings(name: str) -> Iterator[str]:
    """A name as texts spell it: in small letters, with and without the marks between its words."""
    lower = name.lower()
    yield from dict.fromkeys((lower, lower.replace("_", " "), lower.replace("_", "-")))


def term_of(cell: str) -> Term | None:
    """The term that a whole cell of a table names; None where it names none."""
    lower = " ".join(cell.lower().split())
    lower = lower.removesuffix(" [low, high]")
    if lower in OTHERWISE:
        return None
    return terms().get(HEADERS.get(lower, lower).lower()) or terms().get(lower)


@cache
def pattern() -> re.Pattern[str]:
    """What finds terms in running text: the longest name at each place, also in the plural."""
    names = [name for name in terms() if name not in EVERYDAY]
    either = either_of({name: re.escape(name[1:]) for name in sorted(names, key=len, reverse=True)})
    return re.compile(rf"(?<![\w.~-])(?:{either})s?(?![\w-]|\.\w)", re.IGNORECASE)


def term_in(found: str) -> Term | None:
    """The term of this name, also in the plural; None if it is not a term."""
    lower = found.lower()
    return terms().get(lower) or terms().get(lower.removesuffix("s"))
