"""What every format for readers says of a report in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from attnaudit.findings.desiderata import find_desideratum
from attnaudit.findings.finding import Finding, FindingName, FindingStatus
from attnaudit.questions import all_questions
from attnaudit.records.schema import CalibrationFacts, UnknownWords
from attnaudit.report.layout import number
from attnaudit.report.listing import listed
from attnaudit.report.registry import find
from attnaudit.report.schema import Metric, Report
from attnaudit.wording import percent_of

_SHOWN = 3  # names listed before "and N more"
_UNITS = ("nats",)  # what is shown behind a figure; shares and scores have no unit


class Fact(NamedTuple):
    """One line of the heading; `loud` where the reader must not miss it."""

    name: str
    words: str
    loud: bool = False


def facts(report: Report) -> Iterator[Fact]:
    """What was audited, as the heading says it; names from files stand as they are."""
    if compared := _names((report.model.model_extra or {}).get("compared")):
        yield Fact("compared", ", ".join(compared))
        for said in _names((report.model.model_extra or {}).get("differs")):
            yield Fact("differs", said, loud=True)
        return
    data = report.dataset
    yield Fact("model", report.model.name)
    yield Fact("data", f"{data.name}, split {data.split}")
    yield Fact("instances", f"{data.instances:,}")
    yield from _cut(report)
    yield from _classes(report)
    yield from _pairs(report)
    yield from _asked(report)
    yield from _label(report)
    if report.model.site is not None:
        yield Fact("site", report.model.site)
    shown = readings_of(report)
    if shown != ["mean"] and shown:
        yield Fact("reading", ", ".join(shown), loud=len(shown) > 1)
    if data.partial:
        yield Fact("partial", "the other rows were not audited, because of --limit", loud=True)
    skipped = sum(data.skipped.values())
    if skipped:
        reasons = [f"{n:,} {why.replace('_', ' ')}" for why, n in data.skipped.items() if n]
        yield Fact("skipped", f"{_count(skipped, 'row')}: {', '.join(reasons)}", loud=True)
    if data.unknown is not None and data.unknown.occurrences:
        by_plugin = report.model.model_dump().get("kind") == "plugin"
        yield Fact("not known", unknown_words(data.unknown), loud=by_plugin)
    scores = [f"{name} {m.value:.3f}" for name, m in _model_scores(report) if m.value is not None]
    if scores:
        yield Fact("scores", ", ".join(scores))
    if report.lock is not None and not report.lock.differences:
        made = report.lock.made.replace("T", " ").replace("Z", " UTC")
        yield Fact("plan", f"the run followed the plan in {report.lock.file}, locked at {made}")
    if report.manifest.calibration is not None:
        yield _calibration(report.manifest.calibration)


def _calibration(made: CalibrationFacts) -> Fact:
    """What a calibration says of the rules by which this report finds."""
    words = (
        f"The rules were tested on models whose right answers are known: {made.holds} of "
        f"{made.plants} came out right ({made.file}, {made.made[:10]})"
    )
    if made.failing:
        words += f". Rules failed on: {listed(made.failing)}. Do not rely on these findings"
    if not made.current:
        words += f". Another version or other code of attnaudit made this test ({made.version})"
    return Fact("calibration", words, loud=made.holds < made.plants or not made.current)


def _classes(report: Report) -> Iterator[Fact]:
    """The classes as a pretrained model itself names them, with the data's names for them."""
    facts = report.model.model_extra or {}
    classes, labels = (_names(facts.get(name)) for name in ("classes", "labels"))
    if not classes:
        return
    if len(labels) != len(classes) or labels == classes:
        yield Fact("classes", ", ".join(classes))
        return
    both = ", ".join(f"{ours} ({theirs})" for ours, theirs in zip(classes, labels, strict=True))
    counted = labels == [str(i) for i in range(len(labels))]
    how = "; the numbers in the data are taken as positions of the classes" if counted else ""
    yield Fact(
        "classes",
        f"{both}: the model's names, with the names in the data in brackets{how}",
        counted,
    )


def _asked(report: Report) -> Iterator[Fact]:
    """How a language model was asked by prompt, and how little one row of it is."""
    facts = report.model.model_extra or {}
    if not isinstance(prompt := facts.get("prompt"), dict):
        return
    given = prompt.get("words")
    words = given.items() if isinstance(given, dict) else ()
    explained = "all words of the prompt" if prompt.get("content") == "prompt" else "the text"
    yield Fact(
        "prompt",
        "a language model is asked by prompt; "
        + ", ".join(f"{word!r} answers {name}" for name, word in words)
        + f"; what is explained is {explained}",
    )
    layers, heads = facts.get("layers"), facts.get("heads")
    rows = "every row" if report.model.many_rows else "one row"
    yield Fact(
        "beware",
        f"the attention shown is {rows} of one of {layers} layers with {heads} heads each. In a"
        " large language model that is a small part of what moves the answer",
        loud=True,
    )


def _label(report: Report) -> Iterator[Fact]:
    """Which of several labels was asked about."""
    label, called = report.model.label, report.dataset.label
    if audited := _names((report.model.model_extra or {}).get("audited_labels")):
        yield Fact("labels", f"{', '.join(audited)}; each a yes or no of its own")
    if label is None:
        return
    of = (report.model.model_extra or {}).get("label_of")
    theirs = "" if called in (None, label) else f", which the data call {called}"
    positive = report.dataset.positive
    has = "" if positive is None else f"; {_count(positive, 'text')} with it"
    yield Fact("label", f"{label}{theirs}: one of {of}, each a yes or no of its own{has}")


def _names(found: object) -> list[str]:
    return [str(name) for name in found] if isinstance(found, (list, tuple)) else []


def _cut(report: Report) -> Iterator[Fact]:
    """How this program split one file, where it was asked to."""
    found = (report.dataset.model_extra or {}).get("cut")
    if not isinstance(found, dict) or not isinstance(rows := found.get("rows"), dict):
        return
    counts = [f"{n:,} {split}" for split, n in rows.items() if isinstance(n, int)]
    by = "" if found.get("by_label") is False else ", by label"
    whole = "; rows of one group stay together" if found.get("groups_whole") is True else ""
    yield Fact(
        "split",
        f"by attnaudit, of one file{by}: {listed(counts)} rows ({found.get('shares')}, seed"
        f" {found.get('seed')}{whole})",
    )


def _pairs(report: Report) -> Iterator[Fact]:
    """Which side of a pair a model gets first that reads both as one sequence."""
    facts = report.dataset.model_extra or {}
    if not (order := facts.get("order")):
        return
    given = facts.get("order_given") == "yes"
    first, _, second = str(order).partition(", ")
    asked = (
        ""
        if given
        else (". The spec does not give this order: check that the model was trained with it")
    )
    yield Fact("pairs", f"{first} first, then {second}{asked}", loud=not given)


def unknown_words(unknown: UnknownWords) -> str:
    """How much of the texts the model has no word for."""
    share = 100 * unknown.occurrences / unknown.all_occurrences
    return (
        f"{unknown.words:,} of {_count(unknown.all_words, 'word')}"
        f" ({share:.2g} % of the tokens, in {_count(unknown.texts, 'text')})"
    )


def readings_of(report: Report) -> list[str]:
    """The readings by which attention is shown, those of a combined report by question."""
    parts = [report.settings, *report.settings.values()]
    found = (part.get("reading") for part in parts if isinstance(part, dict))
    return list(dict.fromkeys(str(reading) for reading in found if reading is not None))


def _model_scores(report: Report) -> Iterator[tuple[str, Metric]]:
    for name, metric in report.metrics.items():
        stem, _, score = name.partition(".")
        if stem == "model":
            yield score.replace("_", " "), metric


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def missing(report: Report) -> Iterator[str]:
    """Which figures have no value, and why: a sentence for each reason."""
    without: dict[str, list[str]] = {}
    for name, m in report.metrics.items():
        if m.value is None:
            without.setdefault(m.reason or "no reason given", []).append(name)
    for reason, names in without.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"No value for {', '.join(names[:_SHOWN])}{more}: {reason}"


MEANING = "What this means for showing the heatmap"

_ANSWERS: dict[FindingStatus, str] = {
    "for": "Speaks for attention",
    "against": "Counts against attention",
    "inconclusive": "Not decided",
    "not_assessable": "The question makes no sense here",
    "not_assessed": "Not tested",
}


class FindingWords(NamedTuple):
    """A desideratum and what the evidence says of it.

    `question` is in plain words, and `answer` puts the `status` so. `figure` is what decided, with
    its interval. `rule` is the one that was applied, if any was.
    """

    name: str
    question: str
    answer: str
    status: str
    figure: str
    reason: str
    rule: str | None
    scope: str | None


def findings(report: Report) -> list[FindingWords]:
    """What the evidence says of each desideratum; empty where nothing was assessed."""
    if all(
        f.status == "not_assessed" and f.scope is None and f.reason == find_desideratum(name).needs
        for name, f in report.findings.items()
    ):
        return []
    return [in_words(name, found) for name, found in report.findings.items()]


def in_words(name: FindingName, found: Finding) -> FindingWords:
    """A finding as every format shows it."""
    return FindingWords(
        name=plain(name),
        question=find_desideratum(name).asks,
        answer=_ANSWERS[found.status],
        status=plain(found.status),
        figure=figure(found),
        reason=found.reason,
        rule=found.rule,
        scope=found.scope,
    )


def plain(name: str) -> str:
    """A name in plain words: `hard to manipulate`."""
    return name.replace("_", " ")


def figure(finding: Finding) -> str:
    """The deciding figure with its unit, interval and limit; empty where there is none."""
    if finding.statistic is None:
        return ""
    spec = find(finding.metric) if finding.metric else None
    unit = f" {spec.unit}" if spec is not None and spec.unit in _UNITS else ""
    ends = finding.interval or (None, None)
    shown = f"{number(finding.statistic, *ends)}{unit}"
    if finding.metric is not None:
        shown = f"{finding.metric} is {shown}"
    if finding.interval is not None:
        low, high = finding.interval
        level = 0.95 if finding.look is None else finding.look.level
        said = f"{number(low, *ends)} to {number(high, *ends)}"
        shown += f" ({percent_of(level)} interval {said})"
    if finding.delta is not None:
        shown += f"; limit {finding.delta:.3g}"
    return shown


def scopes(report: Report) -> list[str]:
    """What the findings speak of."""
    return list(dict.fromkeys(f.scope for f in report.findings.values() if f.scope))


def nothing_assessed(report: Report) -> str:
    """What is shown instead of the findings if there are none."""
    if (report.model.model_extra or {}).get("compared"):
        return (
            "A comparison makes no findings of its own. Its tables show the findings of each "
            "report."
        )
    if (report.model.model_extra or {}).get("audited_labels"):
        return "This report has no findings of its own. The report of each label says more."
    names = ", ".join(map(plain, report.findings))
    if report.audit == "report":
        feeding = listed(question.command for question in all_questions() if question.decides)
        return f"Findings ({names}): not assessed. They need records of {feeding}."
    return f"Findings ({names}): not assessed, because {report.audit} alone cannot decide them."
