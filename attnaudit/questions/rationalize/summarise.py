"""What the records of `rationalize` say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.rationalize.names import RANDOM
from attnaudit.questions.rationalize.predictors import Predictors
from attnaudit.questions.rationalize.settings import RationalizeSettings
from attnaudit.questions.rationalize.tables import tables
from attnaudit.questions.runs import BASE_RUN, audited_split
from attnaudit.questions.trained_models import read_trained_models
from attnaudit.records.metric import UNIT
from attnaudit.wording import percent

Array = NDArray[np.float64]


def summarise(
    records: Iterable[Mapping[str, Any]], settings: RationalizeSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes.

    Raises ValueError where records are missing: it names the models.
    """
    told: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    found = read_trained_models(_told(records, told), len(labels), settings.seed)
    runs, basics, scorer = found.runs, found.audited.basics, found.scorer(settings.score)
    predictors = Predictors(runs, scorer, settings.by)
    columns = _columns(told[audited_split(told)], basics.words, settings.by)
    metrics = {
        **basics.model_scores(),
        **predictors.metrics(),
        **runs.sample().means(columns, lambda _: UNIT),
    }
    made = tables(settings, predictors, metrics)
    notes = [*basics.notes(), *_notes(predictors, metrics)]
    return Summary(metrics, made, notes, basics.columns(columns))


def _told(
    records: Iterable[Mapping[str, Any]], told: dict[str, list[Mapping[str, Any]]]
) -> Iterator[Mapping[str, Any]]:
    """The same records; the rationales are taken into `told`, by split, in passing."""
    for record in records:
        if record["run"].get("model") == BASE_RUN["model"]:
            told[record["run"]["split"]].append(_figures(record["rationales"]))
        yield record


def _figures(rationales: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the columns are made of: without the words and scores of a text."""
    return {
        name: (len(one["chosen"]), one.get("agreement"), one.get("scores", ()) is None)
        for name, one in rationales.items()
    }


def _columns(
    texts: Sequence[Mapping[str, Any]], words: NDArray[np.int64], by: Sequence[str]
) -> dict[str, Array]:
    """One value a text by metric, NaN where undefined."""
    lengths = np.array([text[RANDOM][0] for text in texts], np.float64)
    columns = {"rationalize.length.mean": lengths / words}
    for name in (*by, RANDOM):
        agreements = [text[name][1] for text in texts]
        if any(agreements):
            for figure in AGREEMENTS:
                columns[f"rationalize.{name}.{figure}"] = np.array(
                    [np.nan if one is None else one[figure] for one in agreements], np.float64
                )
        undefined = np.array([text[name][2] for text in texts], np.float64)
        if undefined.any():
            columns[f"rationalize.{name}.undefined"] = undefined
    return columns


def _notes(predictors: Predictors, metrics: Mapping[str, Estimate]) -> list[str]:
    notes = [
        f"The training of {what} with the seeds {', '.join(map(str, seeds))} diverged. The figures"
        " leave these seeds out."
        for what, seeds in predictors.diverged()
    ]
    for name, figure in metrics.items():
        if name.endswith(".undefined") and figure.value:
            by = name.split(".")[1]
            notes.append(
                f"The score {by} is undefined for {percent(figure.value, 1)} of the texts. Their"
                " last words are the rationale."
            )
    return notes
