"""Does attention hide words that the model uses? Pruthi et al. 2020, sections 3 to 5.

Models of the recipe are trained with a penalty on attention to impermissible words (see
`models.deception`); the records are those of `questions.recording`, and name the model in `run`:

* `{"model": "deceiver", "coefficient": C, "seed": k}`. With C = 0 there is no penalty, and the
  model is one of the recipe. The others have `least_accuracy`: .02 below the accuracy on dev of the
  model without a penalty of the same seed. The epoch that is kept depends on it;
* `{"removed": "impermissible", "seed": k}`: a model of the recipe that is trained, and answers,
  without the words. Its score is the floor: what the other words say.

A training that diverged leaves one record a split, `{"run", "row", "id", "diverged": true}`. Where
it is one without a penalty, its seed has no others.

`probs` on the audited split feed every score. There, records of the audited model and of deceivers
hold `impermissible` for each text that has such a word:

* `count`, how many; `mass`, of each head, the attention on them: feed `*.mass`;
* `deleted` and `other_deleted`, the answer without them and without as many other words (or all
  others, where there are fewer), drawn at random: feed `*.use`, `*.deleted.*`;
* `zeroed` and `renormalised`, the answer with their weights at 0, without and with the rest scaled
  up: feed `*.zeroed.*` and `*.renormalised.*`;
* `left_out` and `other_left_out`, the TVD of the answer without each of these words alone: feed
  `*.left_out`;
* `norms`, the share of them in the positions of the text, in the norms of the word embeddings, and
  in those of the vectors that attention averages: feed `*.norms.*`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.data.instance import Instance
from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.execution.seeds import generator_for
from attnaudit.models.deception import Marked
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.models.passes import Passes, answering
from attnaudit.models.removal import Shortened
from attnaudit.models.retraining import Retraining, View, as_it_is
from attnaudit.models.training import DivergedError
from attnaudit.questions.deceive.make.uses import asker
from attnaudit.questions.deceive.settings import DeceiveSettings
from attnaudit.questions.deceive.words import check_words
from attnaudit.questions.kept_models import KeptModels, kept_models, open_kept
from attnaudit.questions.maker import Maker, Record, Trains
from attnaudit.questions.recording import Ledger, Trained, diverged, run_records
from attnaudit.questions.settling import settle_reading
from attnaudit.records.schema import Run

DECEIVER, REMOVED = "deceiver", "impermissible"
SLACK = 0.02  # of the accuracy on dev that the paper lets a penalty cost (section 5.3)


class Found(NamedTuple):
    """The impermissible words of each text of a split by their numbers, and as many other words."""

    words: list[tuple[int, ...]]
    others: list[tuple[int, ...]]


class _Words:
    """The impermissible words of all splits, found once."""

    def __init__(self, retraining: Retraining, settings: DeceiveSettings) -> None:
        self._retraining, self._settings = retraining, settings
        self._finder = settings.rule.finder()
        self.of = cache(self._of)
        self.marked = cache(self._marked)

    def _of(self, split: str) -> Found:
        instances = self._retraining.splits[split].instances
        words = [self._finder(instance) for instance in instances]
        pairs = zip(instances, words, strict=True)
        return Found(words, [_others(*pair, self._settings.seed) for pair in pairs])

    def _marked(self, split: str, pieces: bool = False, others: bool = False) -> Marked:
        found = self.of(split)
        instances = self._retraining.splits[split].instances
        words = found.others if others else found.words
        return Marked.of(instances, words, self._retraining.device, pieces)


@lru_cache(maxsize=1)  # many trainings ask for the same words
def _words(retraining: Retraining, settings: DeceiveSettings) -> _Words:
    return _Words(retraining, settings)


def _others(instance: Instance, words: Sequence[int], seed: int) -> tuple[int, ...]:
    """As many other words of a text, drawn at random by its id; all of them where they are fewer.

    None where the text has no such words.
    """
    rest = [word for word in range(instance.words[-1] + 1) if word not in set(words)]
    drawn = generator_for(instance.id, seed).permutation(rest)[: len(words)]
    return tuple(sorted(map(int, drawn)))


def rounds(
    retraining: Retraining,
    ledger: Ledger,
    settings: DeceiveSettings,
    made: Callable[[], Iterator[Record]],
    observer: Observer,
) -> Iterator[list[Run]]:
    """First models without a penalty, and those that see no such words; then the deceivers.

    Raises InputError where a split has no impermissible word, or a text has no other, and
    OutputError if models are to be kept and cannot be written.
    """
    words = _words(retraining, settings)
    for split in dict.fromkeys(("train", *ledger.splits)):
        check_words(retraining.splits[split], words.of(split).words)
    open_kept(_kept(retraining, ledger, settings), ledger, observer)
    seeds = retraining.seeds(settings.seeds, settings.seed)
    kinds: list[Run] = [{"model": DECEIVER, "coefficient": 0.0}, {"removed": REMOVED}]
    yield [{**kind, "seed": seed} for seed in seeds for kind in kinds]
    accuracies = _accuracies(made)
    yield [
        {**_deceiver(strength), "least_accuracy": round(accuracies[seed] - SLACK, 9), "seed": seed}
        for seed in seeds
        if seed in accuracies
        for strength in settings.all_coefficients
        if strength > 0
    ]


def _deceiver(strength: float) -> Run:
    return {"model": DECEIVER, "coefficient": strength}


def _accuracies(made: Callable[[], Iterator[Record]]) -> dict[int, float]:
    """The accuracy on dev of each model without a penalty that was trained to its end, by seed."""
    right: dict[int, list[bool]] = {}
    for record in made():
        run = record["run"]
        if run.get("coefficient") == 0 and run["split"] == "dev" and "diverged" not in record:
            right.setdefault(run["seed"], []).append(record["predicted"] == record["gold"])
    return {seed: sum(each) / len(each) for seed, each in right.items()}


def records(
    retraining: Retraining, ledger: Ledger, settings: DeceiveSettings, run: Run, observer: Observer
) -> list[Record]:
    """The records of one model, or those that say that its training diverged."""
    words = _words(retraining, settings)

    def make() -> Trained:
        view = _without(words)
        if "removed" not in run:
            view = _view(words, settings, ledger.pieces)
        kept, own = _kept(retraining, ledger, settings), dict(run)
        name = f"{_kind(run).replace(' ', '-')}-seed{run['seed']}"
        found = kept.find(name, own) if kept else None
        if found is not None:
            return found.to(retraining.device).eval().requires_grad_(False), view
        model = _trained(retraining, words, settings, run, observer)
        if kept:
            kept.keep(model, name, own)
        return model, view

    besides = None
    if "removed" not in run:
        ours, theirs = (
            words.marked(ledger.audited, ledger.pieces, others) for others in (False, True)
        )
        besides = {ledger.audited: asker(ours, theirs, retraining.budget)}
    try:
        return run_records(
            run,
            make,
            retraining,
            ledger,
            observer,
            settings.shown,
            settings.text,
            besides=besides,
        )
    except DivergedError:
        observer.say(f"{_title(run)}: the training diverged")
        return diverged(run, retraining, ledger)


def _trained(
    retraining: Retraining,
    words: _Words,
    settings: DeceiveSettings,
    run: Run,
    observer: Observer,
) -> AttentionModel:
    """A model of the run; raises DivergedError."""
    seed, title = int(run["seed"]), _title(run)
    model = retraining.fresh(seed)
    if "removed" in run:
        retraining.learn(model, seed, observer, title, _without(words))
        return model
    strength, view = float(run["coefficient"]), _view(words, settings, False)
    if strength == 0:
        retraining.learn(model, seed, observer, title, view)
    else:
        marked = {split: words.marked(split) for split in ("train", "dev")}
        least = float(run["least_accuracy"])
        retraining.deceive(
            model, seed, strength, settings.heads, least, marked, observer, title, view
        )
    return model


def _kind(run: Run) -> str:
    return f"coefficient {run['coefficient']!r}" if "coefficient" in run else "without the words"


def _title(run: Run) -> str:
    """What a training is called."""
    return f"{_kind(run)}, seed {run['seed']}"


def _kept(retraining: Retraining, ledger: Ledger, settings: DeceiveSettings) -> KeptModels | None:
    """The models on disk; None where they are not kept."""
    rule = {"words", "words_file", "pattern", "heads", "blocked"}
    deceivers = settings.model_dump(mode="json", include=rule)
    return kept_models(retraining, ledger, "deceive", "*-seed[0-9]*", __name__, deceivers=deceivers)


def _without(words: _Words) -> View:
    """A model as it is where its texts have no impermissible word."""
    return lambda model, split: Shortened(model, words.marked(split).removal())


def _view(words: _Words, settings: DeceiveSettings, pieces: bool) -> View:
    """A model as it is, or with impermissible and other words out of each other's sight."""
    if not settings.blocked:
        return as_it_is

    def apart(model: AttentionModel, split: str) -> AttentionModel:
        parted = capability(model, "parted")
        assert parted is not None  # `settle` has seen to it
        made: AttentionModel = parted(words.marked(split, pieces))
        return made

    return apart


def settle(settings: DeceiveSettings, model: AttentionModel) -> DeceiveSettings:
    """The settings as they hold for the model.

    Raises InputError for --blocked where words do not see each other in layers, and ModelError
    where they see each other by more than attention.
    """
    if settings.blocked:
        parted = capability(model, "parted")
        if parted is None:
            raise InputError(
                "--blocked is for transformers, whose words see each other in every layer",
                hint="leave --blocked out",
            )
        parted(_nothing)
    return settle_reading(settings, model)


def _nothing(batch: Batch) -> Tensor:
    """(B, T) that no word is impermissible."""
    return torch.zeros_like(batch.content)


def _later(settings: DeceiveSettings) -> list[Run]:
    """As many runs as the second list holds at most."""
    strengths = [strength for strength in settings.all_coefficients if strength > 0]
    return [_deceiver(strength) for strength in strengths] * settings.seeds


def _asked(model: AttentionModel, count: int) -> Passes:
    """What is asked of the audited model, of so many texts: about two such words a text."""
    more = Passes(answers=2 * count)
    return answering(6 * count) + more


MAKER = Maker(trains=Trains(rounds, records, _later), settle=settle, asked=_asked)
