"""Whether the words that a heatmap highlights carry the answer of its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnaudit.questions.beside import Beside
from attnaudit.questions.gallery import Support


class _Supported(Beside):
    def support(self, record: Mapping[str, Any]) -> Support | None:
        found = record.get("support")
        if found is None:  # the record is of an older version
            return None
        return Support(found["status"], len(found["words"]), found["tvd"], found["largest"])


BESIDE = _Supported()
