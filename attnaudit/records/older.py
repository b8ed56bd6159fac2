"""Records that older versions wrote, as this version knows them.

Only what can be told exactly is migrated. Version 0.1 had one file for both adversaries: records
without a `run` first, then those of trained models. Until readings had names, the setting `heads`
held `mean`, `max`, or the number of a head. Adversaries were once guided by the mean TVD of the
seeds alone, `seeds_tvd`, which nothing reads any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from pydantic import JsonValue

from attnaudit.records.schema import Header, Record

_BOTH, _MODELS, _INSTANCES = "adversary", "model-adversary", "instance-adversary"
_SHARED = ("seed", "text")
_OF_INSTANCES = (
    *("epsilons", "alternatives", "search", "search_alternatives", "search_steps"),
    *("diversity", "restarts", *_SHARED),
)
_OF_MODELS = ("lambdas", "refine", "seeds", "epochs", "patience", *_SHARED)


def question_of(audit: str, record: Mapping[str, Any]) -> str:
    """The name of the question that a record answers, of a file whose header names `audit`."""
    if audit != _BOTH:
        return audit
    return _MODELS if "run" in record else _INSTANCES


def sections(
    header: Header, records: Iterator[Record]
) -> Iterator[tuple[Header, Iterator[Record]]]:
    """The records by question: one section, or two where an older file holds both adversaries.

    Each section must be read to its end before the next one is asked for.
    """
    header = header.model_copy(update={"settings": _read_by_name(header.settings)})
    if header.audit != _BOTH:
        yield header, records
        return
    for name, section in groupby(records, lambda record: question_of(header.audit, record)):
        keys = _OF_MODELS if name == _MODELS else _OF_INSTANCES
        settings = {key: value for key, value in header.settings.items() if key in keys}
        yield header.model_copy(update={"audit": name, "settings": settings}), section


def _read_by_name(settings: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The settings with `reading` in the place of `heads`, and without `seeds_tvd`."""
    made = {key: value for key, value in settings.items() if key != "seeds_tvd"}
    if "heads" in made and "reading" not in made:
        heads = made.pop("heads")
        made["reading"] = heads if isinstance(heads, str) else f"head{heads}"
    return made
