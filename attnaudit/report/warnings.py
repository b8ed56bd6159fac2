"""What a reader must know before all else: the first lines of a report in every format.

Each warning follows from the report alone. None of them decides a finding or a gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from attnaudit.questions.text_facts import NO_READING, OUTSIDE, SHORT, TAU_WORDS
from attnaudit.report.gates import MISSING, open_gates
from attnaudit.report.layout import number
from attnaudit.report.listing import listed
from attnaudit.report.schema import Metric, Report
from attnaudit.wording import percent

_MOST = 0.5
_NAMED = 3  # gates named before "and N more"


class Warned(NamedTuple):
    """A warning: what it is about in a word or two, and a sentence or two."""

    name: str
    words: str


def warnings(report: Report) -> list[Warned]:
    """The warnings of a report, the weightiest first; names from files stand as they are."""
    return [*_gates(report), *besides_gates(report)]


def besides_gates(report: Report) -> list[Warned]:
    """The same without those on gates, for formats that mark each gate by itself."""
    return [
        *_lock(report),
        *_below_majority(report),
        *_outside(report),
        *_unread(report),
        *_cut(report),
        *_short(report),
    ]


def with_warnings(report: Report) -> Report:
    """The report with its warnings as JSON holds them."""
    said = [f"{warned.name}: {warned.words}" for warned in warnings(report)]
    return report.model_copy(update={"warnings": said})


def _lock(report: Report) -> Iterator[Warned]:
    lock = report.lock
    if lock is None or not lock.differences:
        return
    words = (
        f"The run did not follow the plan in {lock.file}, which was locked at {lock.made}. "
        f"{'; '.join(lock.differences)}."
    )
    yield Warned("plan not followed", words)


def _gates(report: Report) -> Iterator[Warned]:
    for kind, gates in open_gates(report.gates).items():
        if not gates:
            continue
        names, one = [f"'{gate.id}'" for gate in gates], len(gates) == 1
        more = len(names) - _NAMED
        shown = listed(names) if more <= 0 else f"{', '.join(names[:_NAMED])} and {more} more"
        if kind == MISSING:
            words = f"This report does not contain what {shown} {'asks' if one else 'ask'} for."
        else:
            words = f"The evidence does not decide {shown}."
        yield Warned(kind, f"{words} This is not a pass. With --strict it gives exit code 1.")


def _below_majority(report: Report) -> Iterator[Warned]:
    """That the model is right less often than a constant answer would be."""
    right, constant = (
        _value(report, f"model.{name}") for name in ("accuracy", "majority_accuracy")
    )
    if right is not None and constant is not None and right < constant:
        words = (
            f"{number(right)}; always answering the most common class gives {number(constant)}. "
            "A model that does worse than this tells little about attention."
        )
        yield Warned("low accuracy", words)


def _outside(report: Report) -> Iterator[Warned]:
    outside = _value(report, OUTSIDE)
    if outside is not None and outside > _MOST:
        asked = (report.model.model_extra or {}).get("prompt") is not None
        rest = (
            "special tokens or on the rest of the prompt"
            if asked
            else "special tokens or on the query"
        )
        words = (
            f"{percent(outside)} of the attention is not on the words, but on {rest}. A heatmap "
            "shows only what is left."
        )
        yield Warned("attention off the words", words)


def _unread(report: Report) -> Iterator[Warned]:
    for name, metric in report.metrics.items():
        if name.endswith(NO_READING) and metric.value is not None and metric.value > _MOST:
            words = (
                f"{percent(metric.value)} of the texts do not have the reading of the attention by"
                f" which {name.removesuffix(NO_READING)} ranks words. Its rankings are compared on"
                " the other texts alone."
            )
            yield Warned("texts without the reading", words)


def _cut(report: Report) -> Iterator[Warned]:
    cut, texts = report.dataset.truncated, report.dataset.instances
    if cut:
        be = "was" if cut == 1 else "were"
        words = (
            f"{cut:,} of {texts:,} texts {be} cut at the length limit. The model saw only the "
            "beginning of them, and so do all tests."
        )
        yield Warned("texts cut", words)


def _short(report: Report) -> Iterator[Warned]:
    short = _value(report, SHORT)
    if short is not None and short > _MOST and any(".tau." in name for name in report.metrics):
        words = (
            f"{percent(short)} of the texts have fewer than {TAU_WORDS} words. No tau of such a "
            "text can be significant, so the figures of tau say little here."
        )
        yield Warned("short texts", words)


def _value(report: Report, name: str) -> float | None:
    metric: Metric | None = report.metrics.get(name)
    return None if metric is None else metric.value
