"""What the records of `permute` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from attnaudit.measures.bins import quartiles_table
from attnaudit.measures.columns import Column, Frame, joined
from attnaudit.measures.summary import Cell, Estimate, Summary, Table
from attnaudit.questions.basics import Basics
from attnaudit.questions.permute.metrics import SPECS
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.reliance_tables import UNMOVED_TVD, reliance_notes
from attnaudit.records.metric import UNIT, range_of


def summarise(
    records: Iterable[Mapping[str, Any]], settings: PermuteSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    basics, figures, largest = Basics(), Frame(_MEANS), Column()
    everywhere = Frame((_LAYERS,))
    shows_states = layered = False
    for record in records:
        basics.add(record)
        median = record["tvd"]["median"]
        erased = (record.get("all_erased") or {}).get("tvd")
        shown = [median, float(median < UNMOVED_TVD), record.get("conicity"), erased]
        figures.add(shown)
        uniform = (record.get("uniform_layers") or {}).get("tvd")
        everywhere.add([uniform])
        layered |= uniform is not None
        largest.add(record["max_attention"])
        shows_states |= "conicity" in record
    columns = joined(figures, everywhere) if layered else figures
    sample = basics.sample()
    medians = figures["permute.tvd.mean"]
    metrics = {
        **basics.model_scores(),
        "permute.tvd.median": sample.median(medians, UNIT),
        **sample.means(columns, partial(range_of, SPECS)),
    }
    notes = [
        *basics.notes(),
        *reliance_notes(metrics["permute.all_erased.tvd.mean"]),
    ]
    cone = metrics["permute.conicity.mean"]
    if not shows_states:
        metrics["permute.conicity.mean"] = replace(cone, reason=NO_STATES)
    if cone.value is not None and cone.value > 0.6:
        notes.append(
            "The states of the words point in much the same direction (conicity "
            f"{cone.value:.2f}). So other weights cannot move an answer far."
        )
    title = "Median TVD by predicted class and largest attention weight"
    bins = quartiles_table(title, medians, largest.array(), basics.predicted, labels)
    tables = {"permute.tvd": _overall(metrics), "permute.bins": bins}
    return Summary(metrics, tables, notes, columns=basics.columns(columns, largest.array()))


NO_STATES = "this model does not show it: it has no `values`, the vectors that attention averages"
_LAYERS = "permute.uniform_layers.tvd.mean"
_MEANS = (
    "permute.tvd.mean",
    "permute.unmoved",
    "permute.conicity.mean",
    "permute.all_erased.tvd.mean",
)


def _overall(metrics: Mapping[str, Estimate]) -> Table:
    rows: list[list[Cell]] = []
    for name, shown in _SHOWN.items():
        if (figure := metrics.get(name)) is None:
            continue
        rows.append([shown, figure.value, figure.ci_low, figure.ci_high])
    notes = [
        "TVD: how far the answer to a text moves when its weights are shuffled, from 0 to 1. Each"
        " text counts with the median over its shuffles.",
        "An answer that moves by less than .05 hardly depends on which word has which weight.",
        "Two controls tell whether answers could have moved at all. conicity of the states: near"
        " 1 all states are alike, so weights make no difference. all content erased: the mean TVD"
        " when all weights on words are 0; near 0 the answer does not pass through this attention.",
    ]
    if _LAYERS in metrics:
        notes.append(
            "all layers uniform: the mean TVD when every row of every head and layer shares its"
            " weight on the words evenly among them. If it is much larger than the others, other"
            " layers decide. One row of one layer then says little."
        )
    return Table("Answers under shuffled attention", ["", "value", "low", "high"], rows, notes)


_SHOWN = {
    "permute.tvd.median": "median TVD",
    "permute.tvd.mean": "mean TVD",
    "permute.unmoved": f"share with TVD below {UNMOVED_TVD:g}",
    "permute.all_erased.tvd.mean": "all content erased",
    "permute.conicity.mean": "conicity of the states",
    _LAYERS: "all layers uniform",
}
