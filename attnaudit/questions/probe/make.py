"""Does attention help a model that sees each word by itself? Wiegreffe & Pinter 2019, section 3.4.

Classifiers without context, called probes, are trained under attention that is imposed on them, on
the labels, with the audited model's schedule, several seeds for each guide. For the records see
`questions.recording`; the runs are `{"model": "base"}`, `{"guide": NAME, "seed": k}` and
`{"removed": ARM, "seed": k}`. The `probs` on the audited split feed `probe.*`. Guides:

* `uniform`, 1/n on each word;
* `trained`: the probe's own additive attention, learned with it;
* `base`: the audited model's attention, by the reading;
* NAME: the attention of the checkpoint that `--guide NAME=FILE` gives, such as an adversary's;
* `shuffled`, a control: the weights of `base`, in an order of their own in each text;
* `untrained`, a control: the attention of the audited model before it was trained;
* `position`, a control: the mean weight of `base` at each relative place of the train texts.

The arms of the leak control are no probes. They are models of the audited recipe that learn from
texts without some words (see `models.removal`): `attended`, without the words that hold half of the
attention; `other`, without as many others. Their records hold `words_removed`, how many. The
control is ours, not W&P's: attention that spells the predicted class out would help any probe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attnaudit.execution.observer import Observer
from attnaudit.models.removal import ARMS
from attnaudit.models.retraining import Retraining
from attnaudit.questions.looks import growing, later
from attnaudit.questions.maker import Maker, Record, Trains
from attnaudit.questions.probe.guides import CONTROLS, GUIDES
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.probe.views import arms, views, without
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
    """The probes guide by guide, then the arms; a list for each look where their number grows.

    Raises as `views` does.
    """
    guides = views(retraining, settings.guides, settings.shown)
    kinds: list[Run] = [*({"guide": guide} for guide in guides), *({"removed": a} for a in ARMS)]
    for before, after in growing(settings.seeds, ledger, made):
        seeds = retraining.seeds(after, settings.seed)[before:]
        yield [{**kind, "seed": seed} for kind in kinds for seed in seeds]


def records(
    retraining: Retraining, ledger: Ledger, settings: ProbeSettings, run: Run, observer: Observer
) -> list[Record]:
    """The records of one model."""
    if "removed" in run:
        return _of_arm(retraining, ledger, settings, run, observer)

    def make() -> Trained:
        guide, seed = str(run["guide"]), int(run["seed"])
        view = views(retraining, settings.guides, settings.shown)[guide]
        model = retraining.probe(seed)
        title = f"probe {guide} {seed}"
        retraining.learn(model, seed, observer, title, view, retraining.probe_schedule)
        return model, view

    # A probe has one head, which is shown whatever the reading of the audited model.
    own = MEAN if "guide" in run else None
    return run_records(
        run, make, retraining, ledger, observer, settings.shown, settings.text, own=own
    )


def _of_arm(
    retraining: Retraining, ledger: Ledger, settings: ProbeSettings, run: Run, observer: Observer
) -> list[Record]:
    """The records of a model that learns from texts without some words."""
    removal = arms(retraining, settings.shown)[str(run["removed"])]

    def make() -> Trained:
        seed, view = int(run["seed"]), without(removal)
        model = retraining.fresh(seed)
        retraining.learn(model, seed, observer, f"without {run['removed']} words {seed}", view)
        return model, view

    made = run_records(run, make, retraining, ledger, observer, settings.shown, settings.text)
    for record in made:
        counts = removal(str(record["run"]["split"])).counts
        record["words_removed"] = int(counts[record["row"]])
    return made


def _later(settings: ProbeSettings) -> list[Run]:
    """As many runs of each kind as later looks may add."""
    named = [guide.name for guide in settings.guides]
    kinds: list[Run] = [{"guide": name} for name in (*GUIDES, *named, *CONTROLS)]
    kinds += [{"removed": arm} for arm in ARMS]
    return kinds * later(settings.seeds)


def _alike(settings: ProbeSettings, asked: Sequence[str]) -> dict[str, str]:
    """A suite adds an adversary as a guide, whose probes cost as much as those of the base."""
    known = {guide.name for guide in settings.guides}
    added = "model-adversary" in asked and "adversary" not in known
    return {"adversary": "base"} if added else {}


MAKER = Maker(trains=Trains(rounds, records, _later), settle=settle_reading, alike=_alike)
