"""What the records of `loud` say."""

from __future__ import annotations

from functools import partial

from attnaudit.measures.columns import Frame
from attnaudit.measures.summary import Summary, Table
from attnaudit.questions.basics import Basics
from attnaudit.records.metric import range_of
from toys.loud.metrics import SPECS


def summarise(records, settings, labels):
    """One metric and one table."""
    basics, figures = Basics(), Frame(["loud.largest.mean"])
    for record in records:
        basics.add(record)
        figures.add([record["largest"]])
    means = basics.sample().means(figures, partial(range_of, SPECS))
    metrics = {**basics.model_scores(), **means}
    rows = [["largest weight", metrics["loud.largest.mean"].value]]
    tables = {"loud.table": Table("The loudest word of a text", ["", "value"], rows)}
    largest = figures["loud.largest.mean"]
    return Summary(metrics, tables, basics.notes(), basics.columns(figures, largest))
