"""Every entry, from the objects that are explained, and how one is found by its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from attnaudit.config import Settings
from attnaudit.errors import InputError, did_you_mean
from attnaudit.explanations.described import importances, of_reading, readings
from attnaudit.explanations.entry import KINDS, Entry, Kind, folded
from attnaudit.explanations.findings import FINDINGS, STATUSES
from attnaudit.explanations.terms import TERMS
from attnaudit.findings.rules import Deltas
from attnaudit.questions import all_questions
from attnaudit.questions.option import key_of
from attnaudit.readings import READINGS
from attnaudit.readings.reading import Family
from attnaudit.records.metric import OPEN, PLACEHOLDERS, Direction, MetricSpec
from attnaudit.records.retired import RETIRED, Retired, retired
from attnaudit.report import registry
from attnaudit.report.formats import FORMATS

_BETTER: dict[Direction, str] = {
    "higher": "higher",
    "lower": "lower",
    "neutral": "neither way: it only describes",
}
_OPEN = {  # what the user's own settings fill
    "reading": "the name of a reading, such as mean or head0",
    "lambda": "a number as Python prints it, such as 0.001",
    "coefficient": "a number as Python prints it, such as 0.1",
    "epsilon": "a number as Python prints it, such as 0.01",
    "guide": "the name of a guide",
    "other": "the name of another guide",
    "rationale": "what scores the words of a rationale: a reading, or an importance",
    "attribution": "the name of attributions, which another tool made",
    "first": "the name of an importance, or of other attributions",
}
_SHOWN = 10  # choices of a placeholder that are listed
_BOUNDS = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}


@cache
def all_entries() -> tuple[Entry, ...]:
    """All that can be explained, by kind in the order of `KINDS`."""
    found = [
        *_questions(),
        *FINDINGS,
        *STATUSES,
        *(_metric(spec) for spec in registry.all_specs()),
        *importances(),
        *readings(),
        *_formats(),
        *_settings(),
        *TERMS,
        *map(_retired, RETIRED),
    ]
    order: list[Kind] = list(KINDS)
    return tuple(sorted(found, key=lambda entry: order.index(entry.kind)))


def find(name: str) -> tuple[Entry, ...]:
    """All that bear this name, or have it as an alias; or the family of a metric of that name.

    Neither case nor `-` and `_` make a difference. Raises InputError with the nearest name.
    """
    wanted = folded(name)
    exact = tuple(e for e in all_entries() if folded(e.name) == wanted)
    found = exact or tuple(e for e in all_entries() if wanted in map(folded, e.aliases))
    return found or tuple(_replaced(name)) or tuple(_of_family(name)) or _others(name)


def _others(name: str) -> tuple[Entry, ...]:
    return tuple(_member(name)) or _unknown(name)


def _replaced(name: str) -> Iterator[Entry]:
    """What has become of a metric that an older version had."""
    found = retired(name.strip()) or retired(name.strip().lower())
    if found is not None:
        yield _retired(found)


def _retired(one: Retired) -> Entry:
    return Entry(
        "retired name",
        one.pattern,
        f"This metric of older versions is now {one.replaced}.",
        about=one.change,
        beside=one.now,
        source="this tool's own",
        holds="; ".join(f"{{{key}}}: {_choices(key)}" for key in one.keys),
    )


def _of_family(name: str) -> Iterator[Entry]:
    """The metric that is called `name`, from the entry of its family."""
    wanted = folded(name)
    for spec in registry.all_specs():
        # Of an open family the user's own settings make the names: only the pattern tells.
        known = [n for n in spec.names() if folded(n) == wanted]
        for concrete in (*known, name.strip(), name.strip().lower()):
            values = spec.values(concrete)
            if values is not None:
                yield _metric(spec).filled(concrete, values)
                return


def _unknown(name: str) -> tuple[Entry, ...]:
    if set(name) & set(".["):
        hint = registry.nearest(name.strip())
    else:
        names = [n for e in all_entries() for n in (e.name, *e.aliases)]
        hint = did_you_mean(name.strip().lower(), names)
        if hint is None or hint.startswith("known"):
            hint = "`attnaudit explain` lists all names"
    raise InputError(f"nothing has the name {name!r}", hint=hint)


def _questions() -> Iterator[Entry]:
    for question in all_questions():
        beside = [row.metric for row in question.evidence]
        yield Entry(
            "question",
            question.name,
            question.asks,
            about=" ".join(question.about.split()),
            beside=tuple(beside),
            traps=question.traps,
            source=question.source,
            of=f"attnaudit {question.command}",
            aliases=(question.command,),
        )


def _metric(spec: MetricSpec) -> Entry:
    return Entry(
        "metric",
        spec.pattern,
        spec.definition,
        formula=spec.formula,
        unit=spec.unit,
        range=_interval(spec.range),
        better=_BETTER[spec.direction],
        beside=spec.beside,
        traps=spec.traps,
        source=spec.source,
        of=next((q.name for q in all_questions() if spec in q.metrics), ""),
        least_n=spec.least_n,
        holds="; ".join(f"{{{key}}}: {_choices(key)}" for key in spec.keys),
    )


def _choices(key: str) -> str:
    """What a placeholder of a metric's name stands for."""
    if key in OPEN:
        return _OPEN[key]
    choices = PLACEHOLDERS[key]
    shown = ", ".join(choices[:_SHOWN])
    return shown if len(choices) <= _SHOWN else f"{shown} and so on, {len(choices)} in all"


def _interval(bounds: tuple[float | None, float | None]) -> str:
    low, high = bounds
    left = "(-inf" if low is None else f"[{low:g}"
    return f"{left}, {'inf)' if high is None else f'{high:g}]'}"


def _member(name: str) -> Iterator[Entry]:
    """The reading that belongs to a family, such as one head."""
    for family in READINGS.values():
        member = family.of(folded(name)) if isinstance(family, Family) else None
        if member is not None:
            yield of_reading(member)


def _formats() -> Iterator[Entry]:
    for form in FORMATS:
        needs = f"It needs pip install 'attnaudit[{form.needs}]'." if form.needs else ""
        own = "this tool's own"
        yield Entry("format", form.name, form.says, about=form.about, traps=needs, source=own)


def _settings() -> Iterator[Entry]:
    """A setting once for all questions that have it in the same words and bounds."""
    of: dict[Entry, list[str]] = {}
    owners: dict[str, type[Settings]] = {q.name: q.settings for q in all_questions()}
    owners["deltas"] = Deltas
    for owner, settings in owners.items():
        for entry in _fields(settings):
            of.setdefault(entry, []).append(owner)
    for entry, names in of.items():
        spelled = (entry.name, *entry.aliases)  # as files call it, and as records do
        aliases = tuple(f"{owner}.{name}" for name in spelled for owner in names)
        yield replace(entry, of=", ".join(names), aliases=(*entry.aliases, *aliases))


def _fields(settings: type[Settings]) -> Iterator[Entry]:
    for name, field in settings.model_fields.items():
        bounds = [
            text.format(getattr(limit, key))
            for limit in field.metadata
            for key, text in _BOUNDS.items()
            if hasattr(limit, key)
        ]
        default = field.get_default(call_default_factory=True)
        key = key_of(name, field)
        yield Entry(
            "setting",
            key,
            field.description or "",
            range=", ".join(bounds),
            default=_shown(default),
            aliases=(name,) if name != key else (),
        )


def _shown(value: Any) -> str:
    """A default as it would stand in a configuration."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
