"""What the findings rest on: the records of trained models, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import JsonValue

from attnaudit.errors import InputError
from attnaudit.measures.limits import LEVEL
from attnaudit.questions.looks import AUTO
from attnaudit.questions.runs import Runs
from attnaudit.questions.scored import SCORES, ScoreName
from attnaudit.records.repaired import repairs_in_words
from attnaudit.records.schema import Header


@dataclass(frozen=True)
class Evidence:
    """The trained models of each audit, by audit and split, and what they are of.

    `score` is the one by which models are compared. `growing` names the audits whose seeds grew
    until there was an answer. `level` is that of intervals over seeds. `settings` are those of each
    audit. `supervised` says that their training has a penalty on where they attend.
    """

    labels: Sequence[str]
    audited: str
    partial: bool
    scope: str
    runs: Mapping[str, Mapping[str, Runs]]
    score: ScoreName = "macro_f1"
    growing: frozenset[str] = frozenset()
    level: float = LEVEL
    settings: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)
    supervised: bool = False

    def of(self, audit: str, split: str | None = None) -> Runs | None:
        """The models of an audit on a split, by default the audited one; None if not run."""
        return self.runs.get(audit, {}).get(self.audited if split is None else split)

    def at(self, audit: str, seeds: int, level: float) -> Evidence:
        """The evidence when so many seeds of an audit had been trained, with its own level."""
        splits = {split: runs.first(seeds) for split, runs in self.runs.get(audit, {}).items()}
        return replace(self, runs={**self.runs, audit: splits}, level=level)


def gather(parts: Iterable[tuple[Header, Mapping[str, Runs] | None]]) -> Evidence | None:
    """The evidence in what records of one model and data set hold; None where there is none.

    Each part is the header of the records and the trained models in them, by split; parts without
    trained models are passed over.
    """
    files = [(header, runs) for header, runs in parts if runs is not None]
    if not files:
        return None
    first = files[0][0]
    facts = first.model.model_dump()
    return Evidence(
        labels=facts["labels"],
        audited=first.dataset.split,
        partial=any(header.dataset.partial for header, _ in files),
        scope=_scope(first, facts),
        runs={header.audit: runs for header, runs in files if runs},
        supervised=facts.get("supervised") is True,
        score=_score(header for header, _ in files),
        growing=frozenset(
            header.audit for header, _ in files if header.settings.get("seeds") == AUTO
        ),
        settings={header.audit: header.settings for header, _ in files},
    )


def _score(headers: Iterable[Header]) -> ScoreName:
    """The score that the records name; raises InputError where they name several.

    Older records name none: their models are compared by the one that is usual now.
    """
    named = {str(header.settings.get("score", "macro_f1")): header.audit for header in headers}
    if len(named) > 1:
        both = " and ".join(f"{audit} by {score}" for score, audit in named.items())
        raise InputError(
            f"the records compare models by different scores: {both}",
            hint="make them again with the same --score",
        )
    (score,) = named
    if score not in SCORES:
        raise InputError(f"the records name an unknown score {score!r}")
    found: ScoreName = score
    return found


def _scope(header: Header, facts: Mapping[str, Any]) -> str:
    data, reading = header.dataset, header.settings.get("reading", "mean")
    shown = "" if reading == "mean" else f", reading {reading}"
    return (
        f"{header.model.name} ({_what(facts)}{shown}) on {data.name}, split {data.split},"
        f" {data.instances:,} instances{_reserve(facts)}"
    )


def _what(facts: Mapping[str, Any]) -> str:
    """Which recipe it is, or which of a transformer's many rows of attention is audited."""
    repaired = repairs_in_words({"repairs": facts.get("repairs")})
    with_repairs = f", repairs: {', '.join(repaired)}" if repaired else ""
    if _is_transformer(facts):
        row, layers, heads = (facts.get(key, "?") for key in ("row", "layers", "heads"))
        site = facts.get("site") or f"{row} row of the last layer"
        return (
            f"{facts['architecture']}, {site}; the model has {layers} layers x {heads} heads x"
            f" tokens{with_repairs}"
        )
    recipe = facts.get("recipe")
    if not isinstance(recipe, Mapping) or not {"encoder", "attention"} <= recipe.keys():
        return "this recipe"
    return f"{recipe['encoder']} with {recipe['attention']} attention{with_repairs}"


def _reserve(facts: Mapping[str, Any]) -> str:
    """What every finding on such a model is to be read with."""
    if not _is_transformer(facts):
        return ""
    return (
        "; its seeds share their pretrained weights, so models trained from scratch may agree less"
    )


def _is_transformer(facts: Mapping[str, Any]) -> bool:
    return facts.get("kind") == "transformer"
