"""The tables of `correlate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.columns import Lazy
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.basics import Basics
from attnaudit.questions.correlate.agreement import Agreement, deviation
from attnaudit.questions.integrals import baselines
from attnaudit.records.metric import TAU
from attnaudit.wording import percent

Strata = Mapping[str, NDArray[np.bool_]]


def agreement_table(
    agreement: Agreement,
    metrics: Mapping[str, Estimate],
    top: float,
    origins: Sequence[str] = (),
) -> Table:
    """Attention against each importance, over all instances; notes on `origins` of importances."""
    rows: list[list[Cell]] = []
    names = agreement.names
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
        "tau: how alike the two rankings of the words are (Kendall's tau-b; 1: the same order, "
        "0: no relation), mean over texts with its 95 % interval. sd: its standard deviation "
        "over texts.",
        "sig: share of texts with p <= .05. It grows with the length of the texts. BH: the same"
        " after the Benjamini-Hochberg correction for many tests.",
        "w-tau: a tau in which the words at the top count most. top: share of the top"
        f" {percent(top)} of the words that both rankings have in common; by chance it is"
        f" {chance:.3f}.",
        "`attnaudit explain NAME` says what an importance is, such as gradient_l2.",
        *(said for name, said in _CONTROLS.items() if name in names),
        *agreement.integrals.notes(),
        *origins,
    ]
    return Table("Attention against importance", columns, rows, notes)


_CONTROLS = {
    "attention_null": "attention_null: how well a gradient agrees only because it contains the "
    "attention weight as a factor.",
    "random": "random: a random ranking. A useful ranking must agree better than this floor.",
}
_SHOWN = (
    "tau.mean",
    "tau.std",
    "tau.significant",
    "tau.significant_bh",
    "weighted_tau.mean",
    "top_overlap.mean",
)


def reference_table(names: Sequence[str], metrics: Mapping[str, Estimate]) -> Table:
    """Importance against importance as a triangle of mean taus."""
    rows: list[list[Cell]] = []
    for i, b in enumerate(names):
        taus = [metrics[f"correlate.{a}~{b}.tau.mean"].value for a in names[:i]]
        rows.append([f"{i + 1} {b}", *taus, *[""] * (len(names) - 1 - i)])
    return Table(
        "How importances agree with each other (mean tau): for comparison, not an upper bound",
        ["", *(str(i) for i in range(1, len(names)))],
        rows if len(names) > 1 else [],
        baselines(names),
    )


def strata_table(agreement: Agreement, strata: Strata) -> Table:
    """Mean tau within each stratum."""
    rows: list[list[Cell]] = []
    for name in agreement.names:
        taus = agreement.figure(f"{name}.tau")
        rows.append([name, *(_mean(taus[part]) for part in strata.values())])
    title = "Mean tau by predicted class and by length"
    return Table(title, ["", *strata], rows, baselines(agreement.names))


def detail_table(agreement: Agreement, strata: Strata, basics: Basics) -> Table:
    """What J&W print for each class: mean, standard deviation, fraction significant."""
    rows: list[list[Cell]] = []
    for stratum, part in strata.items():
        taus = _taus(agreement, part)
        means = basics.sample(part).means(taus, lambda _: TAU)
        for name, mean in means.items():
            interval = [mean.value, mean.ci_low, mean.ci_high]
            spread = deviation(taus[name]).value
            share = _mean(agreement.figure(f"{name}.sig")[part])
            rows.append([stratum, name, *interval, spread, share, mean.n, mean.undefined])
    columns = ["texts", "attention against", "tau", "low", "high", "sd", "sig", "n", "undefined"]
    title = "Attention against importance, by predicted class and by length"
    return Table(title, columns, rows, baselines(agreement.names), detail=True)


def _taus(agreement: Agreement, part: NDArray[np.bool_]) -> Lazy:
    """The taus of a stratum by importance measure."""
    return Lazy(agreement.names, lambda name: agreement.figure(f"{name}.tau")[part])


def _mean(values: NDArray[np.float64]) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
