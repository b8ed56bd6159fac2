"""Does attention rank words as other measures of importance do? Jain & Wallace 2019, test A.

Records hold, for every instance, attention and each importance measure as one number per word;
every figure of the report is computed from them:

* `gold`, `probs` feed `model.*` and the strata by predicted class;
* `attention` against `importance.<m>` feed `correlate.<m>.*`;
* `importance.<a>` against `importance.<b>` feed `correlate.<a>~<b>.*`, the reference;
* `completeness_error` feeds `correlate.integrated_gradients.completeness_error.mean`;
* `words` and `group` feed the strata by length, and resampling by group.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray

from attnaudit.audits.audit import Audit, Record
from attnaudit.audits.model_scores import model_scores
from attnaudit.config import Settings
from attnaudit.data.batch import Batch
from attnaudit.data.dataset import Instance
from attnaudit.errors import InputError, did_you_mean
from attnaudit.execution.observer import Observer
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.compute import importances
from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.rank import (
    benjamini_hochberg,
    kendall_matrix,
    top_overlap,
    weighted_tau,
)
from attnaudit.measures.summary import Cell, Estimate, Summary, Table
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches, halving
from attnaudit.report.records import compact

Array = NDArray[np.float64]
ALPHA = 0.05  # significance level per instance, and false discovery rate over instances
TERCILES = ("short", "middle", "long")


class CorrelateSettings(Settings):
    """What decides the result; stored with the records."""

    target: Literal["predicted", "gold"] = "predicted"
    measures: tuple[str, ...] = pydantic.Field(tuple(IMPORTANCES), min_length=1)
    top: float = pydantic.Field(0.2, gt=0, le=1, description="share of words that count as top")
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False


def check_measures(names: Sequence[str]) -> tuple[str, ...]:
    """The named measures in registry order; raises InputError for an unknown one."""
    for name in names:
        if name not in IMPORTANCES:
            raise InputError(
                f"unknown importance measure {name!r}", hint=did_you_mean(name, IMPORTANCES)
            )
    return tuple(name for name in IMPORTANCES if name in names)


def records(
    model: AttentionModel,
    batches: Batches,
    settings: CorrelateSettings,
    observer: Observer,
) -> Iterator[list[Record]]:
    """The records of each batch in turn; `row` says where an instance stands in the data set."""
    by_row = {i.row: i for i in batches.instances}

    def work(batch: Batch) -> list[Record]:
        return _batch_records(model, batch, by_row, settings, batches.budget)

    with observer.task("correlate", len(by_row)) as task:
        for part in halving(work, batches, observer):
            yield part
            task.advance(len(part))


def _batch_records(
    model: AttentionModel,
    batch: Batch,
    by_row: Mapping[int, Instance],
    settings: CorrelateSettings,
    budget: int,
) -> list[Record]:
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded)  # (B, H, T)
        probs = model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)
        on_words = batch.per_word(alpha.mean(1) * batch.content)  # (B, W), mean over heads
        content = on_words.sum(1, keepdim=True)
        on_words = on_words / content.clamp_min(torch.finfo(content.dtype).tiny)
    target = batch.labels if settings.target == "gold" else probs.argmax(1)
    instances = [by_row[row] for row in batch.rows.tolist()]
    found = importances(
        model,
        batch,
        on_words,
        probs,
        target,
        settings.measures,
        [i.id for i in instances],
        settings.seed,
        budget,
    )
    attention = on_words.float().cpu().numpy()
    made: list[Record] = []
    for b, (instance, n) in enumerate(zip(instances, batch.word_counts.tolist(), strict=True)):
        record: Record = {"row": instance.row, "id": instance.id}
        if instance.group is not None:
            record["group"] = instance.group
        record |= {
            "gold": instance.label,
            "predicted": int(probs[b].argmax()),
            "target": int(target[b]),
            "probs": compact(probs[b].float().cpu().numpy()),
            "words": n,
            "outside": compact([max(0.0, 1 - float(content[b]))])[0],
            "attention": compact(attention[b, :n]),
            "importance": {name: compact(s[b, :n]) for name, s in found.scores.items()},
        }
        if found.completeness_error is not None:
            record["completeness_error"] = compact(found.completeness_error[b : b + 1])[0]
        if settings.text:
            record["tokens"] = _words(instance, batch, b)
        made.append(record)
    return made


def _words(instance: Instance, batch: Batch, b: int) -> list[str]:
    """The words of an instance as they are explained, pieces of one word joined."""
    units = batch.words[b][batch.content[b]].tolist()
    words = [""] * (max(units) + 1)
    for unit, token in zip(units, instance.tokens, strict=True):
        words[unit] += token
    return words


@dataclass
class _Rows:
    """What is kept of each record: a few numbers, whatever the length of the text."""

    gold: list[int] = field(default_factory=list)
    probs: list[list[float]] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    figures: list[list[float]] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)


def summarise(
    records: Iterable[Mapping[str, Any]], settings: CorrelateSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    names = [m for m in IMPORTANCES if m in settings.measures]
    pairs = list(combinations(names, 2))
    rows = _Rows()
    for record in records:
        rows.gold.append(record["gold"])
        rows.probs.append(record["probs"])
        rows.words.append(record["words"])
        rows.groups.append(record.get("group"))
        rows.outside.append(record["outside"])
        rows.figures.append(_figures(record, names, pairs, settings.top))
    columns = _columns(names, pairs)
    values = np.array(rows.figures)  # (instances, columns)
    bootstrap = Bootstrap(len(values), _units(rows.groups), seed=settings.seed)
    estimates = dict(zip(columns, bootstrap.means(values), strict=True))
    metrics = model_scores(np.array(rows.gold), np.array(rows.probs), bootstrap)
    for name in names:
        metrics |= _agreement(f"correlate.{name}", name, values, columns, estimates)
    for a, b in pairs:
        key = f"{a}~{b}"
        metrics |= _tau(f"correlate.{key}", key, values, columns, estimates)
    if "integrated_gradients" in names:
        metrics["correlate.integrated_gradients.completeness_error.mean"] = estimates["error"]
    predicted = np.array(rows.probs).argmax(1)
    strata = _strata(predicted, np.array(rows.words), labels)
    return Summary(
        metrics,
        {
            "correlate.agreement": _agreement_table(names, metrics, settings.top),
            "correlate.reference": _reference_table(names, metrics),
            "correlate.strata": _strata_table(names, values, columns, strata),
            "correlate.strata_detail": _detail_table(names, values, columns, strata),
        },
        _notes(np.array(rows.words), np.array(rows.outside), values, columns, names),
    )


def _units(groups: Sequence[str | None]) -> list[str | int] | None:
    """What is resampled together: groups, and alone what has none; None where nothing has."""
    if not any(groups):
        return None
    return [row if group is None else group for row, group in enumerate(groups)]


def _columns(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[str]:
    each = [f"{n}.{figure}" for n in names for figure in ("tau", "p", "sig", "weighted", "top")]
    both = [f"{a}~{b}.{figure}" for a, b in pairs for figure in ("tau", "p", "sig")]
    return [*each, *both, "chance", "error"]


def _figures(
    record: Mapping[str, Any],
    names: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    top: float,
) -> list[float]:
    """The figures of one instance, in the order of `_columns`; NaN where one is undefined."""
    scores = np.array([record["attention"], *(record["importance"][n] for n in names)], float)
    tau, p = kendall_matrix(scores)
    words = scores.shape[1]
    k = max(1, math.ceil(top * words))
    figures: list[float] = []
    for i in range(1, len(scores)):
        figures += [tau[0, i], p[0, i], _significant(p[0, i])]
        if math.isnan(tau[0, i]):
            figures += [math.nan, math.nan]
        else:
            figures += [weighted_tau(scores[0], scores[i]), top_overlap(scores[0], scores[i], k)]
    index = {name: i for i, name in enumerate(names, start=1)}
    for a, b in pairs:
        i, j = index[a], index[b]
        figures += [tau[i, j], p[i, j], _significant(p[i, j])]
    error = record.get("completeness_error")
    return [*figures, k / words, math.nan if error is None else error]


def _significant(p: float) -> float:
    return math.nan if math.isnan(p) else float(p <= ALPHA)


def _tau(
    prefix: str,
    key: str,
    values: Array,
    columns: Sequence[str],
    estimates: Mapping[str, Estimate],
) -> dict[str, Estimate]:
    mean = _explained(estimates[f"{key}.tau"])
    taus = values[:, columns.index(f"{key}.tau")]
    return {
        f"{prefix}.tau.mean": mean,
        f"{prefix}.tau.std": _std(taus),
        f"{prefix}.tau.significant": _explained(estimates[f"{key}.sig"]),
    }


def _agreement(
    prefix: str,
    key: str,
    values: Array,
    columns: Sequence[str],
    estimates: Mapping[str, Estimate],
) -> dict[str, Estimate]:
    p = values[:, columns.index(f"{key}.p")]
    return _tau(prefix, key, values, columns, estimates) | {
        f"{prefix}.tau.significant_bh": _discoveries(p),
        f"{prefix}.weighted_tau.mean": _explained(estimates[f"{key}.weighted"]),
        f"{prefix}.top_overlap.mean": _explained(estimates[f"{key}.top"]),
        f"{prefix}.top_overlap.chance": estimates["chance"],
    }


def _explained(estimate: Estimate) -> Estimate:
    """The estimate, with the reason why a rank correlation has no value at all."""
    if estimate.value is not None:
        return estimate
    return Estimate(
        None,
        undefined=estimate.undefined,
        reason="attention or importance is constant within every instance",
    )


def _std(taus: Array) -> Estimate:
    defined = taus[~np.isnan(taus)]
    undefined = len(taus) - len(defined)
    if len(defined) < 2:
        return Estimate(None, undefined=undefined, reason="fewer than two instances gave a value")
    return Estimate(float(defined.std(ddof=1)), n=len(defined), undefined=undefined)


def _discoveries(p: Array) -> Estimate:
    n = int((~np.isnan(p)).sum())
    if not n:
        return _explained(Estimate(None, undefined=len(p)))
    return Estimate(float(benjamini_hochberg(p, ALPHA).sum() / n), n=n, undefined=len(p) - n)


def _strata(
    predicted: NDArray[np.int64], words: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, NDArray[np.bool_]]:
    """Instances by predicted class and by tercile of length; empty strata are left out."""
    strata = {f"predicted {label}": predicted == c for c, label in enumerate(labels)}
    low, high = np.quantile(words, [1 / 3, 2 / 3])
    parts = (words <= low, (words > low) & (words <= high), words > high)
    for name, part in zip(TERCILES, parts, strict=True):
        if part.any():
            strata[f"{name} ({words[part].min()}-{words[part].max()} words)"] = part
    return {name: part for name, part in strata.items() if part.any()}


def _agreement_table(names: Sequence[str], metrics: Mapping[str, Estimate], top: float) -> Table:
    rows: list[list[Cell]] = []
    for name in names:
        mean, *others = (metrics[f"correlate.{name}.{key}"] for key in _SHOWN)
        figures = [mean.value, mean.ci_low, mean.ci_high, *(other.value for other in others)]
        rows.append([name, *figures, mean.undefined])
    columns = ["attention against", "tau", "low", "high", "sd", "sig", "BH", "w-tau", "top"]
    if any(row[-1] for row in rows):
        columns.append("undef")
    else:
        rows = [row[:-1] for row in rows]
    chance = metrics[f"correlate.{names[0]}.top_overlap.chance"].value
    notes = [
        "tau: mean of Kendall's tau-b over instances, with its 95 % bootstrap interval; sd over"
        " instances.",
        "sig: share with p <= .05, which grows with length; BH: after Benjamini-Hochberg.",
        f"w-tau: tau weighted to the top; top: share of the top {top:.0%} of words in common, by"
        f" chance {chance:.3f}.",
        "random is the floor; attention_null is what the factor alpha alone gives a gradient.",
    ]
    return Table("Attention against importance", columns, rows, notes)


_SHOWN = (
    "tau.mean",
    "tau.std",
    "tau.significant",
    "tau.significant_bh",
    "weighted_tau.mean",
    "top_overlap.mean",
)


def _reference_table(names: Sequence[str], metrics: Mapping[str, Estimate]) -> Table:
    """Importance against importance as a triangle of mean taus."""
    rows: list[list[Cell]] = []
    for i, b in enumerate(names):
        taus = [metrics[f"correlate.{a}~{b}.tau.mean"].value for a in names[:i]]
        rows.append([f"{i + 1} {b}", *taus, *[""] * (len(names) - 1 - i)])
    return Table(
        "Importance against importance: the reference, not a bound (mean tau)",
        ["", *(str(i) for i in range(1, len(names)))],
        rows if len(names) > 1 else [],
    )


def _strata_table(
    names: Sequence[str],
    values: Array,
    columns: Sequence[str],
    strata: Mapping[str, NDArray[np.bool_]],
) -> Table:
    rows: list[list[Cell]] = []
    for name in names:
        taus = values[:, columns.index(f"{name}.tau")]
        rows.append([name, *(_mean(taus[part]) for part in strata.values())])
    return Table("Mean tau by predicted class and by length", ["", *strata], rows)


def _detail_table(
    names: Sequence[str],
    values: Array,
    columns: Sequence[str],
    strata: Mapping[str, NDArray[np.bool_]],
) -> Table:
    """What J&W print for each class: mean, standard deviation, fraction significant."""
    rows: list[list[Cell]] = []
    for stratum, part in strata.items():
        for name in names:
            taus = values[part, columns.index(f"{name}.tau")]
            significant = values[part, columns.index(f"{name}.sig")]
            n = int((~np.isnan(taus)).sum())
            rows.append(
                [
                    stratum,
                    name,
                    _mean(taus),
                    _std(taus).value,
                    _mean(significant),
                    n,
                    len(taus) - n,
                ]
            )
    return Table(
        "Attention against importance within strata",
        ["stratum", "attention against", "tau", "sd", "sig", "n", "undefined"],
        rows,
        detail=True,
    )


def _mean(values: Array) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def _notes(
    words: NDArray[np.int64],
    outside: Array,
    values: Array,
    columns: Sequence[str],
    names: Sequence[str],
) -> list[str]:
    notes = []
    low, high = (int(q) for q in np.quantile(words, [0.05, 0.95], method="nearest"))
    notes.append(
        f"Texts have {int(np.median(words))} words in the median ({low} to {high} for 90 % of them)"
        "; below 5 words no tau can be significant."
    )
    mass = float(outside.mean())
    if mass > 0.005:
        loud = " More than half: the shown weights say little." if mass > 0.5 else ""
        notes.append(f"{mass:.0%} of the attention lies outside the words shown.{loud}")
    undefined = {n: int(np.isnan(values[:, columns.index(f"{n}.tau")]).sum()) for n in names}
    worst = max(undefined.values(), default=0)
    if worst:
        notes.append(
            f"Up to {worst} of {len(values)} instances gave no tau: attention or importance is "
            "constant there. They are counted as undefined, not averaged."
        )
    return notes


AUDIT = Audit("correlate", CorrelateSettings, records, summarise)
