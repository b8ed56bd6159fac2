"""Every metric the reports may hold: its name, meaning, unit, range and which way is better.

Tables, JSON, policies and documentation all take these facts from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from string import Formatter
from typing import Literal

from attnaudit.errors import InputError, did_you_mean
from attnaudit.importance import IMPORTANCES

Direction = Literal["higher", "lower", "neutral"]

CONTROLS = ("attention_null", "random")  # what chance gives: neither high nor low is good

PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "split": ("dev", "test"),
    "importance": tuple(name for name in IMPORTANCES if name not in CONTROLS),
    "control": CONTROLS,
    "a~b": tuple("~".join(pair) for pair in combinations(IMPORTANCES, 2)),
}

# Below these counts a percentile bootstrap interval is too narrow to decide a gate.
_LEAST_MEAN = 30
_LEAST_SCORE = 50  # a score also needs some instances of every class

_UNIT_RANGE = (0.0, 1.0)
_TAU_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class MetricSpec:
    """A family of metrics.

    `pattern` is the name with placeholders in braces. `direction` says which way speaks for
    attention as an explanation, or, for the scores of a model, for the model. A gate on fewer than
    `least_n` instances is inconclusive. `range` is closed; None leaves an end open.
    """

    pattern: str
    definition: str
    unit: str
    direction: Direction
    least_n: int
    range: tuple[float | None, float | None]

    def names(self) -> Iterator[str]:
        """Every metric name of this family."""
        keys = [key for _, key, _, _ in Formatter().parse(self.pattern) if key]
        for values in product(*(PLACEHOLDERS[key] for key in keys)):
            yield self.pattern.format_map(dict(zip(keys, values, strict=True)))


def _scores(prefix: str, what: str) -> list[MetricSpec]:
    return [
        MetricSpec(f"{prefix}.{name}", text, "fraction", "higher", _LEAST_SCORE, _UNIT_RANGE)
        for name, text in (
            ("accuracy", f"Share of {what} whose predicted class is the gold one."),
            (
                "f1",
                f"F1 of the predictions on {what}: of the positive (last) class where there are "
                "two classes, else the unweighted mean over classes.",
            ),
            (
                "auroc",
                f"Area under the ROC curve on {what}: the chance that a positive instance scores "
                "above a negative one, ties counting one half (Hanley & McNeil 1982). Two classes "
                "only.",
            ),
        )
    ]


def _agreements(placeholder: str, direction: Direction) -> list[MetricSpec]:
    """How attention agrees with what `placeholder` stands for: importances, or controls."""
    other = f"{{{placeholder}}}"
    prefix = f"correlate.{other}"
    return [
        *_taus(prefix, f"attention and {other}", direction),
        MetricSpec(
            f"{prefix}.tau.significant_bh",
            f"Share of instances whose tau between attention and {other} is a discovery under "
            "Benjamini & Hochberg (1995) at a false discovery rate of .05.",
            "fraction",
            direction,
            _LEAST_MEAN,
            _UNIT_RANGE,
        ),
        MetricSpec(
            f"{prefix}.weighted_tau.mean",
            f"Mean over instances of Kendall's tau between attention and {other}, with each pair "
            "of tokens weighted hyperbolically by rank, so that the top of the ranking counts "
            "most (Vigna 2015).",
            "rank correlation",
            direction,
            _LEAST_MEAN,
            _TAU_RANGE,
        ),
        MetricSpec(
            f"{prefix}.top_overlap.mean",
            f"Mean share of the top tokens by attention that are also top tokens by {other}.",
            "fraction",
            direction,
            _LEAST_MEAN,
            _UNIT_RANGE,
        ),
        MetricSpec(
            f"{prefix}.top_overlap.chance",
            f"What {prefix}.top_overlap.mean would be for random rankings of the same lengths.",
            "fraction",
            "neutral",
            _LEAST_MEAN,
            _UNIT_RANGE,
        ),
    ]


def _taus(prefix: str, between: str, direction: Direction) -> list[MetricSpec]:
    return [
        MetricSpec(
            f"{prefix}.tau.mean",
            f"Mean over instances of Kendall's tau-b between {between} "
            "(Jain & Wallace 2019, section 4.1).",
            "rank correlation",
            direction,
            _LEAST_MEAN,
            _TAU_RANGE,
        ),
        MetricSpec(
            f"{prefix}.tau.std",
            f"Standard deviation over instances of Kendall's tau-b between {between}.",
            "rank correlation",
            "neutral",
            _LEAST_MEAN,
            (0.0, None),
        ),
        MetricSpec(
            f"{prefix}.tau.significant",
            f"Share of instances whose tau between {between} has p <= .05, two-sided. It grows "
            "with the length of the texts.",
            "fraction",
            direction,
            _LEAST_MEAN,
            _UNIT_RANGE,
        ),
    ]


_SPECS: tuple[MetricSpec, ...] = (
    *_scores("train.{split}", "the {split} instances"),
    *_scores("model", "the audited instances"),
    MetricSpec(
        "model.majority_accuracy",
        "Accuracy on the audited instances of always predicting their most frequent class.",
        "fraction",
        "neutral",
        _LEAST_SCORE,
        _UNIT_RANGE,
    ),
    *_agreements("importance", "higher"),
    *_agreements("control", "neutral"),
    # Importance against importance is the reference that attention's agreement is read against.
    *_taus("correlate.{a~b}", "two importances, {a~b}", "neutral"),
    MetricSpec(
        "correlate.integrated_gradients.completeness_error.mean",
        "Mean over instances of the absolute gap between the summed attributions and the change "
        "in the explained probability that they should add up to (completeness: Sundararajan et "
        "al. 2017, section 3).",
        "probability",
        "lower",
        _LEAST_MEAN,
        (0.0, None),
    ),
    MetricSpec(
        "permute.tvd.median",
        "Median over instances of the median, over random permutations of the attention weights, "
        "of the total variation distance between the answer under permuted weights and the answer "
        "(Jain & Wallace 2019, section 4.2.1).",
        "total variation distance",
        "higher",
        _LEAST_MEAN,
        _UNIT_RANGE,
    ),
    MetricSpec(
        "permute.tvd.mean",
        "Mean over instances of the same medians.",
        "total variation distance",
        "higher",
        _LEAST_MEAN,
        _UNIT_RANGE,
    ),
    MetricSpec(
        "permute.unmoved",
        "Share of instances whose median total variation distance under permuted attention is "
        "below .05: their answer hardly depends on which word has which weight.",
        "fraction",
        "lower",
        _LEAST_MEAN,
        _UNIT_RANGE,
    ),
    MetricSpec(
        "permute.conicity.mean",
        "Mean over instances of the conicity of the states, the mean absolute cosine of a state "
        "with their mean (Mohankumar et al. 2020). Near 1, permuting cannot matter.",
        "cosine",
        "neutral",
        _LEAST_MEAN,
        _UNIT_RANGE,
    ),
)
_BY_NAME = {name: spec for spec in _SPECS for name in spec.names()}


def all_specs() -> tuple[MetricSpec, ...]:
    """Every family of metrics, in the order of the documentation."""
    return _SPECS


def find(name: str) -> MetricSpec | None:
    """The family that the metric `name` belongs to, or None where there is none."""
    return _BY_NAME.get(name)


def require(name: str, where: str | Path | None = None, line: int | None = None) -> MetricSpec:
    """The family of `name`; raises InputError with the nearest known name where there is none."""
    spec = find(name)
    if spec is None:
        raise InputError(f"unknown metric {name!r}", where=where, line=line, hint=_nearest(name))
    return spec


def _nearest(name: str) -> str | None:
    stem, _, rest = name.partition(".")
    pair, _, statistic = rest.partition(".")
    turned = f"{stem}.{'~'.join(reversed(pair.split('~')))}.{statistic}"
    return did_you_mean(turned if turned in _BY_NAME else name, _BY_NAME)


def markdown() -> str:
    """The registry as Markdown for the documentation: a table of metrics, one of importances."""
    lines = [
        "| metric | definition | unit | range | better | least n |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| `{s.pattern}` | {s.definition} | {s.unit} | {_interval(s.range)} "
            f"| {s.direction} | {s.least_n} |"
            for s in _SPECS
        ),
        "",
        "| importance | definition |",
        "| --- | --- |",
        *(f"| `{name}` | {text} |" for name, text in IMPORTANCES.items()),
    ]
    return "\n".join(lines) + "\n"


def _interval(bounds: tuple[float | None, float | None]) -> str:
    low, high = bounds
    left = "(-inf" if low is None else f"[{low:g}"
    return f"{left}, {'inf)' if high is None else f'{high:g}]'}"
