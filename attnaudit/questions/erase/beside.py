"""Whether the words that a heatmap highlights carry the answer of its text.

Of a text that somebody asked for, also what deleting the words that each ranking puts first does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnaudit.questions.beside import Beside
from attnaudit.questions.erase.shares import KINDS
from attnaudit.questions.gallery import Support


class _Supported(Beside):
    def support(self, record: Mapping[str, Any]) -> Support | None:
        found = record.get("support")
        if found is None:  # the record is of an older version
            return None
        return Support(found["status"], len(found["words"]), found["tvd"], found["largest"])

    def figures(self, record: Mapping[str, Any]) -> Mapping[str, Sequence[tuple[str, float]]]:
        people = record.get("plausibility") or {}
        found = {}
        for name in record.get("comprehensiveness", {}):
            figures = [(kind, _mean(record[kind][name])) for kind in KINDS]
            figures.append(("token F1", people.get(name, {}).get("token_f1")))
            found[name] = [(what, value) for what, value in figures if value is not None]
        return found


def _mean(by_share: Sequence[float | None]) -> float | None:
    """The mean over the shares of words; None where it is undefined."""
    defined = [value for value in by_share if value is not None]
    return sum(defined) / len(defined) if len(defined) == len(by_share) > 0 else None


BESIDE = _Supported()
