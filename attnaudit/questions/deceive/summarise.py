"""What the records of `deceive` say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from attnaudit.measures.limits import Bounds
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.deceive.gathered import FLOOR, Array, Gathered, deceivers
from attnaudit.questions.deceive.metrics import AUDITED, LARGEST, SPECS
from attnaudit.questions.deceive.settings import DeceiveSettings
from attnaudit.questions.deceive.tables import tables
from attnaudit.questions.deceive.verdict import MEANS, Verdict, verdict
from attnaudit.questions.runs import BASE, Kind
from attnaudit.records.metric import UNIT, range_of

USE_RANGE = (-1.0, 1.0)
# What the metric is called, and the figure of a text that it is the mean of.
MEANS_OF = {
    "mass": "mass",
    "use": "use",
    "deleted.tvd": "deleted",
    "zeroed.tvd": "zeroed",
    "renormalised.tvd": "renormalised",
    "left_out": "left_out",
    "norms.embedding": "embedding",
    "norms.value": "value",
}
SCORES_OF = {
    "score": None,
    "deleted.score": "deleted",
    "zeroed.score": "zeroed",
    "renormalised.score": "renormalised",
}
NO_VALUES = "not available: this model does not show the vectors that its attention averages"


def summarise(
    records: Iterable[Mapping[str, Any]], settings: DeceiveSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes.

    Raises ValueError where records are missing.
    """
    found = Gathered(records, settings, len(labels))
    basics = found.models.audited.basics
    metrics = basics.model_scores() | _of_kind(found, AUDITED, BASE)
    kinds: dict[str, Kind] = {"audited model": BASE}
    verdicts = {"audited model": _verdict(metrics, AUDITED, settings, None)}
    for strength in found.coefficients:
        name, kind = f"deceive[coefficient={strength!r}]", deceivers(strength)
        metrics |= _of_kind(found, name, kind)
        metrics[f"{name}.floor_gap"] = _floor_gap(found, kind)
        called = f"coefficient {strength:g}"
        kinds[called] = kind
        verdicts[called] = _verdict(metrics, name, settings, len(found.seeds(kind)))
    strongest = f"deceive[coefficient={found.coefficients[-1]!r}]"
    metrics |= {f"{LARGEST}.{one}": metrics[f"{strongest}.{one}"] for one in ("mass", "use")}
    metrics["deceive.floor.score"] = _score(found, FLOOR, None)
    metrics["deceive.places"] = _mean(found, BASE, "places", UNIT)
    names = {"audited model": AUDITED} | {
        f"coefficient {x:g}": f"deceive[coefficient={x!r}]" for x in found.coefficients
    }
    return Summary(
        metrics,
        tables(found, kinds, names, metrics, verdicts),
        [*_sentences(verdicts), *_notes(found), *basics.notes()],
        columns=basics.columns(_columns(found)),
    )


def _of_kind(found: Gathered, name: str, kind: Kind) -> dict[str, Estimate]:
    """All metrics of a kind of model, by their names."""
    bounds = partial(range_of, SPECS)
    means = {
        f"{name}.{figure}": _mean(found, kind, column, bounds(f"{name}.{figure}"))
        for figure, column in MEANS_OF.items()
    }
    scores = {f"{name}.{figure}": _score(found, kind, of) for figure, of in SCORES_OF.items()}
    return means | scores


def _mean(found: Gathered, kind: Kind, column: str, bounds: Bounds) -> Estimate:
    """The mean of a figure over models and texts that have such words, with its interval."""
    seeds, n = found.seeds(kind), found.sample.n
    if not seeds:
        return Estimate(None, undefined=n, reason=_none(found, kind))
    values = found.on_having(kind, column)
    if np.isnan(values).any():
        return Estimate(None, undefined=n, reason=NO_VALUES)
    if kind == BASE:
        return found.sample.mean(values[0], bounds)
    # Where all models do the same nothing varies, and a text on which they do not may be missed.
    return two_level(figures(values, found.sample), bounds, 1.0)


def _score(found: Gathered, kind: Kind, of: str | None) -> Estimate:
    if not found.seeds(kind):
        return Estimate(None, undefined=found.scorer.sample.n, reason=_none(found, kind))
    values = found.scorer.values(found.probs(kind, of))
    return found.scorer.of_one(values[0]) if kind == BASE else found.scorer.mean(values)


def _floor_gap(found: Gathered, kind: Kind) -> Estimate:
    """The score of a kind less that of models without the words, paired by seed."""
    seeds = sorted(set(found.seeds(kind)) & set(found.seeds(FLOOR)))
    if not seeds:
        lacking = kind if not found.seeds(kind) else FLOOR
        return Estimate(None, undefined=found.scorer.sample.n, reason=_none(found, lacking))
    ours, theirs = (found.scorer.values(found.runs.probs(k, seeds)) for k in (kind, FLOOR))
    return found.scorer.gap(ours, theirs)


def _none(found: Gathered, kind: Kind) -> str:
    return "every training diverged" if found.diverged(kind) else "no such model was trained"


def _verdict(
    metrics: Mapping[str, Estimate], name: str, settings: DeceiveSettings, seeds: int | None
) -> Verdict:
    return verdict(metrics[f"{name}.mass"], metrics[f"{name}.use"], settings, seeds)


def _sentences(verdicts: Mapping[str, Verdict]) -> Iterator[str]:
    """What was decided, a sentence for each verdict that models share."""
    for status, meaning in MEANS.items():
        those = [name for name, one in verdicts.items() if one.status == status]
        if those:
            yield f"{', '.join(those)}: {meaning}"
    open_ = [f"{name} ({one.reason})" for name, one in verdicts.items() if one.reason]
    if open_:
        yield f"Not decided: {'; '.join(open_)}."


def _notes(found: Gathered) -> Iterator[str]:
    without = int((~found.having).sum())
    if without:
        yield (
            f"{without:,} of {len(found.having):,} texts have no impermissible word. They count for"
            " scores, and for nothing else."
        )
    trained = {f"Coefficient {x:g}": deceivers(x) for x in found.coefficients}
    for called, kind in {**trained, "Without the words": FLOOR}.items():
        if lost := found.diverged(kind):
            tried = lost + len(found.seeds(kind))
            yield f"{called}: {lost} of {tried} trainings diverged, and are left out."
    if found.diverged(deceivers(0.0)):
        yield "A seed whose model without a penalty diverged has no models with one."


def _columns(found: Gathered) -> dict[str, Array]:
    """What metrics of the audited model are means of, text by text."""
    return {f"{AUDITED}.{name}": found.figure(BASE, column)[0] for name, column in MEANS_OF.items()}
