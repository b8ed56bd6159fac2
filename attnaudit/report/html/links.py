"""Links within the page: from a term to the glossary, from a method to its paper."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup, escape

from attnaudit.errors import printable
from attnaudit.report.html.glossary import Term, pattern, term_in, term_of
from attnaudit.report.literature import Work, pattern_of_any, works_named

_CODE = re.compile(r"`([^`\n]+)`")


class Links:
    """Escapes texts and puts links into them, and remembers what was linked.

    Everything that is not a known term or work stays plain text. Links that are not `live`
    are left out: on a summary there is nothing that they could lead to.
    """

    def __init__(self, live: bool = True) -> None:
        self._live = live
        self._terms: dict[str, Term] = {}
        self._works: dict[str, Work] = {}

    def text(self, value: object, without: str = "") -> Markup:
        """Running text; each term is linked where it comes first. `without` is left unlinked.

        What stands between backticks is code, and holds no links.
        """
        made, seen = Markup(""), {without}
        for i, part in enumerate(_CODE.split(printable(value))):
            made += Markup("<code>{}</code>").format(part) if i % 2 else self._linked(part, seen)
        return made

    def _linked(self, shown: str, seen: set[str]) -> Markup:
        """Text without code, with links to the terms that are not yet `seen`."""
        if not self._live:
            return escape(shown)
        made, at = Markup(""), 0
        for found in _either().finditer(shown):
            link = self._link(found[0], seen)
            if link is not None:
                made += escape(shown[at : found.start()]) + link
                at = found.end()
        return made + escape(shown[at:])

    def cell(self, value: object) -> Markup:
        """A header or the name of a row: linked as a whole if it is a term, else as text."""
        shown = printable(value)
        term = term_of(shown) if self._live else None
        return self.text(value) if term is None else self._to_term(term, shown)

    def terms(self) -> list[Term]:
        """The terms that were linked, and those that their own texts name, by name."""
        known: set[str] = set()
        while len(known) < len(self._terms):
            for anchor, term in list(self._terms.items()):
                if anchor not in known:
                    known.add(anchor)
                    for text in (term.entry.what, term.entry.about, term.entry.traps):
                        self.text(text)
                    self.text(term.entry.source)
        return sorted(self._terms.values(), key=lambda term: term.name.casefold())

    def works(self) -> list[Work]:
        """The works that were linked, by the names of their authors."""
        return sorted(self._works.values(), key=lambda work: work.key.casefold())

    def _link(self, found: str, seen: set[str]) -> Markup | None:
        """The link from what was found in a text; None where that text has one already."""
        named = works_named(found)
        if named:
            self._works[named[0].label] = named[0]
            return _anchor(f"ref-{named[0].label}", found, "cite")
        term = term_in(found)
        if term is None or term.anchor in seen:
            return None
        seen.add(term.anchor)
        return self._to_term(term, found)

    def _to_term(self, term: Term, shown: str) -> Markup:
        self._terms[term.anchor] = term
        return _anchor(term.anchor, shown, "term")


def _anchor(place: str, shown: str, kind: str) -> Markup:
    return Markup('<a class="{}" href="#{}">{}</a>').format(kind, place, shown)


@cache
def _either() -> re.Pattern[str]:
    return re.compile(f"{pattern_of_any().pattern}|{pattern().pattern}", re.IGNORECASE)
