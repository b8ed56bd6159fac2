"""Does the answer change when the attention weights are shuffled? Jain & Wallace 2019, test B.

Besides what every record holds (see `common`):

* `tvd`: `median`, `mean` and `max`, over the permutations, of the total variation distance between
  the answer under shuffled weights and the model's answer. The median is J&W's figure of an
  instance; it feeds `permute.tvd.*` and `permute.unmoved`;
* `all_erased`: `tvd` and `flips`, of the answer with all content erased, a control; feeds
  `permute.all_erased.tvd.mean`;
* `max_attention`: the largest weight of a word, which feeds the bins;
* `conicity`: how alike the states are, where the model shows them; feeds `permute.conicity.mean`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray

from attnaudit.audits.audit import Audit, Record
from attnaudit.audits.common import Answered, Basics, Heads, each_batch
from attnaudit.audits.reliance import all_erased, reliance_notes
from attnaudit.audits.variants import answers, permuted
from attnaudit.config import Settings
from attnaudit.execution.observer import Observer
from attnaudit.findings.rules import UNMOVED_TVD
from attnaudit.measures.bins import quartiles_table
from attnaudit.measures.columns import Column, Frame
from attnaudit.measures.counted import median_of_counts
from attnaudit.measures.states import conicity
from attnaudit.measures.summary import Cell, Estimate, Summary, Table
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.models.predict import Batches
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]


class PermuteSettings(Settings):
    """What decides the result; stored with the records."""

    permutations: int = pydantic.Field(100, ge=1)
    per_head: bool = pydantic.Field(False, description="each head permuted on its own")
    heads: Heads = pydantic.Field("mean", description="what is shown of several heads")
    seed: int = pydantic.Field(0, ge=0)


def records(
    model: AttentionModel, batches: Batches, settings: PermuteSettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings)

    return each_batch(model, batches, make, observer, settings.heads)


@torch.no_grad()
def _batch_records(
    model: AttentionModel, known: Answered, settings: PermuteSettings
) -> list[Record]:
    variants = permuted(
        known.alpha,
        known.encoded.content,
        settings.permutations,
        [i.id for i in known.instances],
        settings.seed,
        settings.per_head,
    )
    # The model's own weights go with the others, so that rounding moves no answer.
    said = answers(model, known.encoded, torch.cat([known.alpha.unsqueeze(1), variants], dim=1))
    tvd = (said[:, 1:] - said[:, :1]).abs().sum(-1) / 2  # (B, V)
    largest, controls = known.on_words.amax(1), all_erased(model, known)
    values = capability(model, "values")
    cones = None
    if values:
        cones = conicity(values(known.encoded).vectors, known.encoded.content).tolist()
    made = []
    for b, row in enumerate(tvd.double().cpu().numpy()):
        figures = compact([float(np.median(row)), float(row.mean()), float(row.max())])
        record = known.record(b) | {
            "tvd": dict(zip(("median", "mean", "max"), figures, strict=True)),
            "all_erased": controls[b],
            "max_attention": compact([float(largest[b])])[0],
        }
        if cones is not None:
            record["conicity"] = compact([cones[b]])[0]
        made.append(record)
    return made


def summarise(
    records: Iterable[Mapping[str, Any]], settings: PermuteSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    basics, figures, largest = Basics(), Frame(_MEANS), Column()
    for record in records:
        basics.add(record)
        median = record["tvd"]["median"]
        erased = (record.get("all_erased") or {}).get("tvd")
        shown = [median, float(median < UNMOVED_TVD), record.get("conicity"), erased]
        figures.add(shown)
        largest.add(record["max_attention"])
    bootstrap = basics.bootstrap(settings.seed)
    medians = figures["permute.tvd.mean"]
    metrics = {
        **basics.model_scores(bootstrap),
        "permute.tvd.median": bootstrap.counted(median_of_counts(medians)),
        **bootstrap.means_by_name(figures),
    }
    notes = [
        *basics.notes(),
        *bootstrap.notes,
        *reliance_notes(metrics["permute.all_erased.tvd.mean"]),
    ]
    cone = metrics["permute.conicity.mean"]
    if cone.value is not None and cone.value > 0.6:
        notes.append(
            f"The states point much the same way (conicity {cone.value:.2f}), which limits how far"
            " any other weights can move an answer."
        )
    title = "Median TVD by predicted class and largest attention weight"
    bins = quartiles_table(title, medians, largest.array(), basics.predicted, labels)
    tables = {"permute.tvd": _overall(metrics), "permute.bins": bins}
    return Summary(metrics, tables, notes, columns=basics.columns(figures))


_MEANS = (
    "permute.tvd.mean",
    "permute.unmoved",
    "permute.conicity.mean",
    "permute.all_erased.tvd.mean",
)


def _overall(metrics: Mapping[str, Estimate]) -> Table:
    rows: list[list[Cell]] = []
    for name, shown in _SHOWN.items():
        figure = metrics[name]
        rows.append([shown, figure.value, figure.ci_low, figure.ci_high])
    notes = [
        "TVD, 0 to 1, between the answers under shuffled and under the model's own weights: the",
        "median over the permutations of an instance. An answer below .05 hardly rests on which",
        "word has which weight. It could not have moved, whatever the weights, where conicity is",
        "near 1, or where even erasing all content leaves it (mean TVD, a control).",
    ]
    return Table("Answers under shuffled attention", ["", "value", "low", "high"], rows, notes)


_SHOWN = {
    "permute.tvd.median": "median TVD",
    "permute.tvd.mean": "mean TVD",
    "permute.unmoved": f"share with TVD below {UNMOVED_TVD:g}",
    "permute.all_erased.tvd.mean": "all content erased",
    "permute.conicity.mean": "conicity of the states",
}


AUDIT = Audit("permute", PermuteSettings, summarise, records)
