"""Heatmaps of a run that is just over: its words come from the data, whatever the records hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attnaudit.data.dataset import Dataset
from attnaudit.report.heatmaps import Gallery, choose


@dataclass
class Viewer:
    """Chooses up to `count` heatmaps when a run shows it its records; `gallery` then holds them."""

    count: int
    gallery: Gallery | None = None

    def look(
        self,
        records: Sequence[Callable[[], Iterator[Mapping[str, Any]]]],
        data: Dataset,
        pieces: bool,
    ) -> None:
        """Choose among the `records` of `data`, where the unit is the word or, if so, the piece."""
        self.gallery = choose(
            records,
            data.split,
            data.labels,
            self.count,
            lambda record: data.instances[record["row"]].units(pieces),
        )
