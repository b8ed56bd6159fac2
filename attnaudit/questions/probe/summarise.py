"""What the records of `probe` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.probe.guides import CONTROLS
from attnaudit.questions.probe.kinds import OLDER, is_older, kinds_of, shared_seeds, whole_texts
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.probe.tables import tables
from attnaudit.questions.trained_models import read_trained_models
from attnaudit.records.metric import UNIT

Array = NDArray[np.float64]


def summarise(
    records: Iterable[Mapping[str, Any]], settings: ProbeSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes.

    Raises ValueError where records are missing: it names the models.
    """
    found = read_trained_models(records, len(labels), settings.seed)
    runs, basics, scorer = found.runs, found.audited.basics, found.scorer(settings.score)
    named = [guide.name for guide in settings.guides]
    kinds, older = kinds_of(runs, named), is_older(runs)
    seeds = shared_seeds(runs, kinds)
    values = {name: scorer.values(runs.probs(kind, seeds)) for name, kind in kinds.items()}
    scores = {f"probe.{name}.score": scorer.mean(each) for name, each in values.items()}
    gaps = {
        f"probe.{ours}-{theirs}.score_gap": scorer.gap(values[ours], values[theirs])
        for ours, theirs in _pairs(named, older)
    }
    leak: dict[str, Estimate] = {}
    columns: dict[str, Array] = {}
    if older:
        unknown = Estimate(None, undefined=len(basics.ids), reason=OLDER)
        arms = ("probe.removed_attended.score", "probe.removed_other.score")
        leak = dict.fromkeys((*arms, "probe.leak.score_gap", "probe.leak.whole"), unknown)
    else:
        columns["probe.leak.whole"] = np.array(whole_texts(runs), float)
        leak["probe.leak.score_gap"] = scorer.gap(
            values["removed_other"], values["removed_attended"]
        )
        leak |= runs.sample().means(columns, lambda _: UNIT)
    metrics = basics.model_scores() | scores | gaps | leak
    made = tables(found, kinds, seeds, values, metrics, scorer)
    return Summary(metrics, made, basics.notes(), basics.columns(columns), found.splits)


def _pairs(named: Sequence[str], older: bool) -> list[tuple[str, str]]:
    """Which guides are compared: what decides, then what W&P's table is read for, and controls."""
    return [
        ("base", "uniform"),
        *(("base", name) for name in named),
        ("base", "trained"),
        ("trained", "uniform"),
        *((name, "uniform") for name in named),
        *(() if older else (("base", control) for control in CONTROLS)),
    ]
