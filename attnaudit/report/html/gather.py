"""From records to the figures and heatmaps of the page: each file is read once, plus heatmaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from attnaudit.records.older import sections
from attnaudit.records.reading import read_records
from attnaudit.report.heatmaps import Gallery, choose_recorded, class_labels
from attnaudit.report.html import distributions, retrained
from attnaudit.report.html.drawn import Drawn
from attnaudit.report.html.points import MEASURES, Curve, Scores, Spread, Taus

_RECIPE_CAPTION = (
    "The same recipe trained with other seeds, and with uniform weights in place of attention."
)
_PROBE_CAPTION = "A model without context that is given these weights instead of its own."


@dataclass
class Gathered:
    """What the records give: figures by audit, heatmaps, and what is missing and why."""

    figures: dict[str, list[Drawn]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    gallery: Gallery | None = None


class _Gatherer(Protocol):
    def add(self, record: Mapping[str, Any]) -> None: ...


def gather(records: Sequence[Path], heatmaps: int) -> Gathered:
    """Figures and up to `heatmaps` heatmaps from the records, whose headers name their audits.

    Raises:
        InputError: A file cannot be read, or is not one of complete records.
    """
    found = Gathered()
    curves: list[tuple[str, Curve]] = []
    for path in records:
        for header, lines in sections(*read_records(path)):
            split = header.dataset.split
            gatherers = _gatherers(header.audit, split)
            curve = curves[0][1] if curves else Curve(split)
            if header.audit in ("instance-adversary", "model-adversary", "seed-baseline"):
                curves.append((header.audit, curve))
                gatherers["curve"] = curve
            for record in lines:
                for gatherer in gatherers.values():
                    gatherer.add(record)
            drawn = found.figures.setdefault(header.audit, [])
            drawn += _draw(header.audit, gatherers, class_labels(header))
            if not drawn and header.audit in _FIGURES and header.audit != "model-adversary":
                found.missing.append(
                    f"The records of {header.audit} do not hold what its figure shows,"
                    f" {_FIGURES[header.audit]}."
                )
    _add_curve(found, curves)
    if records:
        found.gallery = choose_recorded(records, heatmaps)
        if not found.gallery.heatmaps:
            found.missing.append("Heatmaps need records that hold words: run with --text.")
    return found


_FIGURES = {
    "correlate": "attention and importances",
    "permute": "the TVD and the largest weight",
    "instance-adversary": "the JSD of other weights",
    "seed-baseline": "the JSD to other seeds",
    "probe": "runs by guide",
}


def _gatherers(audit: str, split: str) -> dict[str, _Gatherer]:
    if audit == "correlate":
        return {"taus": Taus()}
    if audit == "permute":
        return {"permute": Spread("permute", split)}
    if audit == "instance-adversary":
        return {"instance": Spread("instance", split)}
    if audit == "seed-baseline":
        return {"seeds": Spread("seeds", split), "scores": Scores(split)}
    return {"scores": Scores(split)} if audit == "probe" else {}


def _draw(audit: str, gatherers: Mapping[str, _Gatherer], labels: Sequence[str]) -> list[Drawn]:
    drawn = []
    name = audit.replace("-", "_")
    for key, gatherer in gatherers.items():
        place = f"{name}-{key}"
        if isinstance(gatherer, Taus):
            for measure in MEASURES:
                taus = gatherer.by_class(measure)
                if taus:
                    drawn.append(
                        distributions.tau_histogram(taus, measure, labels, f"{place}-{measure}")
                    )
        elif isinstance(gatherer, Spread):
            cells = gatherer.cells()
            if cells:
                drawn.append(_VIOLINS[gatherer.what](cells, labels, place))
        elif isinstance(gatherer, Scores):
            scores = gatherer.by_kind()
            if scores:
                probe = audit == "probe"
                title = "F1 of the probe by guide" if probe else "F1 of the recipe, trained again"
                caption = _PROBE_CAPTION if probe else _RECIPE_CAPTION
                drawn.append(retrained.score_dots(scores, title, caption, place))
    return drawn


_VIOLINS = {
    "permute": distributions.tvd_violins,
    "instance": distributions.instance_violins,
    "seeds": distributions.seed_violins,
}


def _add_curve(found: Gathered, curves: Sequence[tuple[str, Curve]]) -> None:
    """The curve stands first in the section of the adversary, or else of the seeds."""
    if not curves or all(point.kind == "instance" for point in curves[0][1].points()):
        return
    audit = "model-adversary" if any(a == "model-adversary" for a, _ in curves) else curves[0][0]
    found.figures[audit].insert(0, retrained.tvd_jsd_curve(curves[0][1], "curve"))
