"""Heatmaps of a run that is just over: its words come from the data, not from the records."""

from __future__ import annotations

from dataclasses import dataclass

from attnaudit.data.dataset import Dataset
from attnaudit.questions.answers import reachable
from attnaudit.questions.gallery import Gallery
from attnaudit.questions.heatmaps import Chooser


@dataclass
class Viewer:
    """Chooses up to `count` heatmaps of the records that a run has made; `gallery` holds them."""

    count: int
    gallery: Gallery | None = None

    def chooser(self, data: Dataset, pieces: bool) -> Chooser:
        """What is to watch the records of `data`; its unit is the word or, if so, the piece."""
        return Chooser(
            lambda record: reachable(data.instances[record["row"]].units(pieces), record)
        )

    def look(self, chooser: Chooser, data: Dataset) -> None:
        """Take the heatmaps of what `chooser` has watched."""
        self.gallery = chooser.gallery(self.count, data.labels)
