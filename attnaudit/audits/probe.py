"""Does attention help a model that sees each word by itself? Wiegreffe & Pinter 2019, section 3.4.

Classifiers without context are trained under attention that is imposed on them (see
`models.probes`), on the labels, with the audited model's schedule, several seeds for each guide.
For the records see `runs`; the runs are `{"model": "base"}` and `{"guide": NAME, "seed": k}`. The
`probs` on the audited split feed `probe.*`. Guides:

* `uniform`, 1/n on each word;
* `trained`: the probe's own additive attention, learned with it;
* `base`: the audited model's attention;
* NAME: the attention of the checkpoint that `--guide NAME=FILE` gives, such as an adversary's;
* `leak`: no guide but a control, a model of the audited recipe that attends as it likes and does
  not see the words the audited model attends to (see `models.probes`). It is ours, not W&P's:
  attention that spells the predicted class out would help any probe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pydantic

from attnaudit.audits.audit import Audit, Record, Trains
from attnaudit.audits.guides import GuideFile, views
from attnaudit.audits.retrained import SHARE, Figures, Retrained, gap, read_retrained
from attnaudit.audits.runs import Ledger, Trained, run_records
from attnaudit.config import Settings
from attnaudit.execution.observer import Observer
from attnaudit.findings.evidence import kind_of
from attnaudit.measures.summary import Cell, Estimate, Summary, Table
from attnaudit.measures.two_level import two_level
from attnaudit.models.retraining import Retraining
from attnaudit.records.schema import Run


class ProbeSettings(Settings):
    """What decides the result; stored with the records.

    `seed` is the first of the `seeds`, of which the audited model's own is left out, and the seed
    of all resampling.
    """

    seeds: int = pydantic.Field(5, ge=1)
    guides: tuple[GuideFile, ...] = ()
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False


def rounds(
    retraining: Retraining,
    ledger: Ledger,
    settings: ProbeSettings,
    made: Callable[[], Iterator[Record]],
    observer: Observer,
) -> Iterator[list[Run]]:
    """All probes in one list, guide by guide; raises as `guides.views` does."""
    yield [
        {"guide": guide, "seed": seed}
        for guide in views(retraining, settings.guides)
        for seed in retraining.seeds(settings.seeds, settings.seed)
    ]


def records(
    retraining: Retraining, ledger: Ledger, settings: ProbeSettings, run: Run, observer: Observer
) -> list[Record]:
    """The records of one probe."""

    def make() -> Trained:
        guide, seed = str(run["guide"]), int(run["seed"])
        view, title = views(retraining, settings.guides)[guide], f"probe {guide} {seed}"
        if guide == "leak":
            model = retraining.fresh(seed)
            retraining.learn(model, seed, observer, title, view)
        else:
            model = retraining.probe(seed)
            retraining.learn(model, seed, observer, title, view, retraining.probe_schedule)
        return model, view

    return run_records(run, make, retraining, ledger, observer, settings.text)


def summarise(
    records: Iterable[Mapping[str, Any]], settings: ProbeSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = read_retrained(records, len(labels), settings.seed)
    named = [guide.name for guide in settings.guides]
    guides = ["uniform", "trained", "base", *named, "leak"]
    seeds = found.runs.seeds(guide="base")
    if not seeds or any(found.runs.seeds(guide=guide) != seeds for guide in guides):
        raise ValueError("the guides are not of the same seeds")
    f1 = {guide: found.f1(kind_of(guide=guide), seeds) for guide in guides}
    basics, n = found.audited.basics, found.bootstrap.n
    scores = {f"probe.{guide}.f1": two_level(*f1[guide], n, SHARE) for guide in guides}
    gaps = {
        f"probe.{ours}-{theirs}.f1_gap": gap(f1[ours], f1[theirs], n)
        for ours, theirs in _pairs(named)
    }
    metrics = basics.model_scores(found.bootstrap) | scores | gaps
    tables = {
        "probe.guides": _guides(found, f1, metrics),
        "probe.gaps": _gaps(gaps),
        "probe.runs": _runs(found, guides, seeds),
    }
    return Summary(metrics, tables, basics.notes(), columns=basics.columns({}))


def _pairs(named: Sequence[str]) -> list[tuple[str, str]]:
    """Which guides are compared: the two that decide, then what W&P's table is read for."""
    return [
        ("base", "uniform"),
        ("base", "leak"),
        ("base", "trained"),
        ("trained", "uniform"),
        *((name, "uniform") for name in named),
        *(("base", name) for name in named),
    ]


def _guides(found: Retrained, f1: Mapping[str, Figures], metrics: Mapping[str, Estimate]) -> Table:
    rows: list[list[Cell]] = []
    for guide, (points, _) in f1.items():
        figure = metrics[f"probe.{guide}.f1"]
        spread = float(points.std(ddof=1)) if len(points) > 1 else None
        rows.append([guide, figure.value, figure.ci_low, figure.ci_high, spread])
    notes = [
        f"Means over seeds ({len(points)}), intervals over seeds and instances. In the order of",
        "Wiegreffe & Pinter's Table 3: 1/n, the probe's own, the audited model's. The leak control",
        "is a model of the audited recipe to which the attended words are hidden.",
    ]
    return Table("F1 of probes by guide", ["guide", "F1", "low", "high", "std"], rows, notes)


def _gaps(gaps: Mapping[str, Estimate]) -> Table:
    rows: list[list[Cell]] = []
    for name, figure in gaps.items():
        ours, _, theirs = name.split(".")[1].partition("-")
        rows.append([f"{ours} less {theirs}", figure.value, figure.ci_low, figure.ci_high])
    notes = [
        "Attention that works out of context helps beyond uniform and beyond the leak control."
    ]
    return Table("Differences in F1, paired by seed", ["", "F1", "low", "high"], rows, notes)


def _runs(found: Retrained, guides: Sequence[str], seeds: Sequence[int]) -> Table:
    rows: list[list[Cell]] = [["audited model", None, *found.base_scores]]
    rows += [
        [guide, seed, *found.scores(kind_of(guide=guide), seed)]
        for guide in guides
        for seed in seeds
    ]
    columns = ["guide", "seed", "F1", "accuracy", "AUROC"]
    return Table("Each probe", columns, rows, detail=True)


AUDIT = Audit("probe", ProbeSettings, summarise, trains=Trains(rounds, records))
