"""The works that the tool's methods are from, as citations and as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from attnaudit.report.listing import listed

WorkKind = Literal["article", "inproceedings", "book", "techreport", "misc"]

# Where BibTeX wants the venue of each kind of work.
_VENUE = {
    "article": "journal",
    "inproceedings": "booktitle",
    "book": "publisher",
    "techreport": "institution",
    "misc": "howpublished",
}
_SPECIAL = re.compile(r"([&%$#_])")


@dataclass(frozen=True)
class Work:
    """A paper, a book, a standard or a page.

    `key` is how the tool's texts call it, such as "Jain & Wallace 2019"; it ends in the year or,
    of a standard, in its number. `authors` are full names, given names first. `venue` is the
    journal, the proceedings, the publisher or the institution. `volume`, `number`, `pages` and
    `edition` are empty where they do not apply. `doi` is bare, such as "10.18653/v1/N19-1357";
    `url` is for works without one.
    """

    key: str
    kind: WorkKind
    authors: tuple[str, ...]
    title: str
    year: int
    venue: str
    volume: str = ""
    number: str = ""
    pages: str = ""
    edition: str = ""
    doi: str = ""
    url: str = ""

    @property
    def link(self) -> str:
        """Where it is found on the web; empty for a book or an article without an address."""
        return f"https://doi.org/{self.doi}" if self.doi else self.url

    @property
    def label(self) -> str:
        """Its name in BibTeX and in links, such as `jain2019attention`."""
        first = self.authors[0].split()[-1]
        title = re.findall(r"\w+", self.title.lower())
        word = next(one for one in title if len(one) > 3)
        return re.sub(r"[^a-z0-9]", "", f"{first.lower()}{self.year}{word}")

    def citation(self) -> str:
        """The full citation in one line, with its address at the end."""
        place = f"{self.edition} edition, {self.venue}" if self.edition else self.venue
        if self.volume:
            place = f"{place} {self.volume}{f'({self.number})' if self.number else ''}"
        if self.pages:
            place = f"{place}, pages {self.pages.replace('--', '–')}"
        title = self.title if self.title.endswith("?") else f"{self.title}."
        said = f"{listed(self.authors)} ({self.year}). {title} {place}."
        return f"{said} {self.link}" if self.link else said

    def bibtex(self) -> str:
        """The entry for a BibTeX file, in UTF-8, without a line break at its end."""
        number = "number" if self.kind != "techreport" else "type"
        fields = {
            "author": " and ".join(map(_bib_author, self.authors)),
            "title": f"{{{_escaped(self.title)}}}",  # its capitals stay as they are
            _VENUE[self.kind]: _escaped(self.venue),
            "year": str(self.year),
            "volume": self.volume,
            number: self.number,
            "pages": self.pages,
            "edition": self.edition,
            "doi": self.doi,
            "url": self.url,
        }
        lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
        return f"@{self.kind}{{{self.label},\n" + ",\n".join(lines) + "\n}"


def works() -> tuple[Work, ...]:
    """All works, by the names of their authors and the year."""
    from attnaudit.report.works import WORKS

    return tuple(sorted(WORKS, key=lambda work: work.key.casefold()))


def works_named(source: str) -> list[Work]:
    """The works that a text such as the `source` of a metric names, in the order of the text.

    "Jain & Wallace 2019" is found with the year in brackets, too. Each work comes once.
    """
    text = " ".join(source.split())
    first = {work: found.start() for work in works() if (found := _pattern(work.key).search(text))}
    return sorted(first, key=lambda work: first[work])


def works_of(sources: Iterable[str]) -> list[Work]:
    """The works that any of the texts names, each once, by the names of their authors."""
    found = {work for source in sources for work in works_named(source)}
    return [work for work in works() if work in found]


@cache
def pattern_of_any() -> re.Pattern[str]:
    """What finds any work in a text."""
    return re.compile(rf"(?<!\w){either_of({work.key: _spelt(work.key[1:]) for work in works()})}")


def either_of(rests: Mapping[str, str]) -> str:
    """A pattern of any of some names, by the pattern of what follows the first letter of each.

    At most places of a text the first letters rule out all of them. Of names with the same first
    letter the first one that fits is found.
    """
    beginning: dict[str, list[str]] = {}
    for name, rest in rests.items():
        beginning.setdefault(name[0], []).append(rest)
    either = (f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in beginning.items())
    return f"(?:{'|'.join(either)})"


@cache
def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){_spelt(key)}")


def _spelt(key: str) -> str:
    """The pattern of how texts name a work, from its key or the end of it."""
    names, _, year = key.rpartition(" ")
    return rf"{re.escape(names)}(?:'s)?,? \(?{re.escape(year)}(?!\d)"


def _bib_author(name: str) -> str:
    """A name with a comma behind its family name, so that BibTeX does not guess.

    "van Rijsbergen" stays whole. A single name, or one of an institution, stands in braces.
    """
    given, _, family = name.rpartition(" ")
    if not given or name.startswith("National "):
        return f"{{{name}}}"
    if given.endswith(" van"):
        given, family = given.removesuffix(" van"), f"van {family}"
    return f"{family}, {given}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
