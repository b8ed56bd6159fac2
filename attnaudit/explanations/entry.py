"""One thing that can be explained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "question",
    "finding",
    "metric",
    "importance",
    "reading",
    "setting",
    "status",
    "control",
    "term",
    "format",
    "retired name",
]
# In the order of the list, with what a reader finds under each.
KINDS: dict[Kind, str] = {
    "question": "what the tests ask about a model",
    "finding": "the answers that the evidence gives in the end",
    "status": "the possible results of a finding or a gate",
    "metric": "the figures in reports; {...} stands for a name or a number",
    "importance": "other ways to measure which words matter",
    "reading": "how the attention becomes one number for each word",
    "format": "the formats of a report",
    "setting": "the settings of the questions",
    "control": "what you compare a result with",
    "term": "words of the field and of this tool",
    "retired name": "metrics of older versions, and the metrics that replaced them",
}


@dataclass(frozen=True)
class Entry:
    """What there is to know about one thing; what does not apply to it is empty.

    `what` is one plain sentence, and `about` says more. `better` says which way is better, `beside`
    names what it must be read beside, `traps` says how it misleads, `needs` what it asks of a
    model, `cost` what it takes to compute, and `source` where it comes from. `of` names what it
    belongs to, `default` is that of a setting, and `holds` says what the placeholders in the name
    of a metric stand for, of which a gate needs `least_n` texts. It is also found under its
    `aliases`.
    """

    kind: Kind
    name: str
    what: str
    about: str = ""
    formula: str = ""
    unit: str = ""
    range: str = ""
    better: str = ""
    beside: tuple[str, ...] = ()
    traps: str = ""
    source: str = ""
    default: str = ""
    of: str = ""
    holds: str = ""
    least_n: int = 0
    aliases: tuple[str, ...] = ()
    needs: str = ""
    cost: str = ""

    def filled(self, name: str, values: dict[str, str]) -> Entry:
        """The entry of one metric of a family: `values` stand in place of the placeholders."""

        def fill(text: str) -> str:
            for key, value in values.items():
                text = text.replace(f"{{{key}}}", value)
            return text

        return replace(
            self,
            name=name,
            holds="",
            what=fill(self.what),
            formula=fill(self.formula),
            beside=tuple(map(fill, self.beside)),
            traps=fill(self.traps),
            source=fill(self.source),
        )


def folded(name: str) -> str:
    """A name as it is looked up: neither case nor `-`, `_` and spaces make a difference."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")
