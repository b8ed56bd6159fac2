"""What the records of the adversary per instance say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from attnaudit.measures.bins import quartiles_table
from attnaudit.measures.columns import Column, Frame
from attnaudit.measures.summary import Summary
from attnaudit.questions.basics import Basics
from attnaudit.questions.instance_adversary.metrics import SPECS
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.instance_adversary.tables import epsilons_table, search_table
from attnaudit.records.metric import range_of
from attnaudit.wording import percent

ALIKE = 0.01  # an alternative that diverges by less, in nats, is none


def summarise(
    records: Iterable[Mapping[str, Any]], settings: InstanceSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    names = prefixes(settings.epsilons)
    figures = [f"{prefix}.{name}" for prefix in names.values() for name in FIGURES]
    if settings.search:
        figures += ["adversary.search.jsd.mean", "adversary.search.feasible"]
    basics, columns, caps_found, largest = Basics(), Frame(figures), Column(), Column()
    for record in records:
        basics.add(record)
        caps_found.add(record["cap"])
        largest.add(max(record["attention"]))
        found = [f for entry in record["adversary"] for f in _figures(entry, record["cap"])]
        if settings.search:
            search = record["search"]
            found += [search["jsd"], float(search["feasible"] > 0)]
        columns.add(found)
    means = basics.sample().means(columns, partial(range_of, SPECS))
    metrics = {**basics.model_scores(), **means}
    first = columns["adversary.instance.jsd.mean"]
    title = "JSD by predicted class and largest attention weight"
    cap = float(caps_found.array().mean())
    tables = {
        "adversary.instance": epsilons_table(metrics, names, cap, ALIKE),
        "adversary.instance_bins": quartiles_table(
            title, first, largest.array(), basics.predicted, labels
        ),
    }
    if settings.search:
        jsds = columns["adversary.search.jsd.mean"]
        tables["adversary.search"] = search_table(first, jsds, settings.search_steps, metrics)
    exact = float(columns["adversary.instance.exact"].mean())
    notes = [*basics.notes(), *_notes(exact)]
    return Summary(metrics, tables, notes, basics.columns(columns, largest.array()))


FIGURES = (
    "jsd.mean",
    "relative_mean",
    "upper.mean",
    "no_alternative",
    "tvd.mean",
    "logit_change.mean",
    "exact",
)


def _figures(entry: Mapping[str, Any], cap: float) -> list[float]:
    return [
        entry["jsd"],
        entry["jsd"] / cap if cap > 0 else np.nan,
        entry["upper"],
        float(entry["upper"] < ALIKE),
        entry["tvd"],
        entry["logit_change"],
        float(entry["bound"] == "exact"),
    ]


def prefixes(epsilons: Sequence[float]) -> dict[float, str]:
    """What the metrics of each epsilon begin with; the first one's name holds no epsilon."""
    names = {epsilon: f"adversary.instance[epsilon={epsilon!r}]" for epsilon in epsilons}
    return names | {epsilons[0]: "adversary.instance"}


def _notes(exact: float) -> list[str]:
    """`exact`: on which share of the texts JSD is the maximum."""
    notes = [
        "The per-text search tests weights that the model may never produce. Long texts and"
        " confident answers make such weights easy to find, so this result alone does not count"
        " against attention."
    ]
    if exact < 1:
        notes.append(
            f"On {percent(1 - exact)} of the texts JSD is a lower bound that a search found. The "
            "largest possible JSD lies between it and the upper bound."
        )
    return notes
