"""Does attention help a model that sees each word by itself? Wiegreffe & Pinter 2019, section 3.4.

Classifiers without context are trained under attention that is imposed on them (see
`models.probes`), on the labels, with the audited model's schedule, several seeds for each guide.
For the records see `questions.recording`; the runs are `{"model": "base"}` and
`{"guide": NAME, "seed": k}`. The `probs` on the audited split feed `probe.*`. Guides:

* `uniform`, 1/n on each word;
* `trained`: the probe's own additive attention, learned with it;
* `base`: the audited model's attention, by the reading;
* NAME: the attention of the checkpoint that `--guide NAME=FILE` gives, such as an adversary's;
* `leak`: no guide but a control, a model of the audited recipe that attends as it likes and does
  not see the words the audited model attends to (see `models.probes`). It is ours, not W&P's:
  attention that spells the predicted class out would help any probe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attnaudit.execution.observer import Observer
from attnaudit.models.retraining import Retraining
from attnaudit.questions.maker import Maker, Record, Trains
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.probe.views import views
from attnaudit.questions.recording import Ledger, Trained, run_records
from attnaudit.questions.settling import settle_reading
from attnaudit.readings.heads import MEAN
from attnaudit.records.schema import Run


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
        for guide in views(retraining, settings.guides, settings.shown)
        for seed in retraining.seeds(settings.seeds, settings.seed)
    ]


def records(
    retraining: Retraining, ledger: Ledger, settings: ProbeSettings, run: Run, observer: Observer
) -> list[Record]:
    """The records of one probe."""

    def make() -> Trained:
        guide, seed = str(run["guide"]), int(run["seed"])
        view, title = (
            views(retraining, settings.guides, settings.shown)[guide],
            f"probe {guide} {seed}",
        )
        if guide == "leak":
            model = retraining.fresh(seed)
            retraining.learn(model, seed, observer, title, view)
        else:
            model = retraining.probe(seed)
            retraining.learn(model, seed, observer, title, view, retraining.probe_schedule)
        return model, view

    # A probe has one head, which is shown whatever the reading of the audited model.
    own = MEAN if run.get("guide") not in (None, "leak") else None
    return run_records(
        run, make, retraining, ledger, observer, settings.shown, settings.text, own=own
    )


def _alike(settings: ProbeSettings, asked: Sequence[str]) -> dict[str, str]:
    """A suite adds an adversary as a guide, whose probes cost as much as those of the base."""
    known = {guide.name for guide in settings.guides}
    added = "model-adversary" in asked and "adversary" not in known
    return {"adversary": "base"} if added else {}


MAKER = Maker(trains=Trains(rounds, records), settle=settle_reading, alike=_alike)
