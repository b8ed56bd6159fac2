"""How a model looks under each guide, and without words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from pathlib import Path

from attnaudit.errors import InputError
from attnaudit.models.guided import Guide, Guided, Kept, shuffled, uniform
from attnaudit.models.interface import AttentionModel
from attnaudit.models.placed import by_place
from attnaudit.models.removal import ARMS, Arm, Removal, Shortened, removals
from attnaudit.models.retraining import Retraining, View, as_it_is
from attnaudit.questions.probe.guides import GuideFile
from attnaudit.readings.reading import Reading

SHUFFLE = 0  # the seed of shuffled attention


@lru_cache(maxsize=1)  # many probes look through the same views, whose attention is computed once
def views(
    retraining: Retraining, files: tuple[GuideFile, ...], reading: Reading
) -> dict[str, View]:
    """How a probe looks under each guide: in W&P's order, then the checkpoints, then controls.

    Attention is that of the `reading`, and computed when a view is first used on a split. Raises
    ModelError for a file that is no checkpoint, InputError for one of other words or labels than
    the audited model's, or that cannot be read so.
    """
    models = {file.name: _load(file, retraining, reading) for file in files}

    def base(split: str) -> Kept:
        return retraining.kept(split, reading.weigh)

    @cache
    def without_order(split: str) -> Guide:
        return shuffled(base(split), SHUFFLE)

    @cache
    def position(split: str) -> Guide:
        return by_place(retraining.kept("train", reading.weigh))

    @cache
    def untrained() -> AttentionModel:
        # The seed of the audited model: what it was before it learned.
        return retraining.fresh(retraining.schedule.seed).eval().requires_grad_(False)

    named = {
        name: _under(_keeper(retraining, partial(_same, model), reading))
        for name, model in models.items()
    }
    return {
        "uniform": _under(lambda split: uniform),
        "trained": as_it_is,
        "base": _under(base),
        **named,
        "shuffled": _under(without_order),
        "untrained": _under(_keeper(retraining, untrained, reading)),
        "position": _under(position),
    }


@lru_cache(maxsize=1)
def arms(retraining: Retraining, reading: Reading) -> Mapping[str, Callable[[str], Removal]]:
    """What each arm of the leak control removes from the texts of a split."""

    @cache
    def both(split: str) -> dict[Arm, Removal]:
        kept = retraining.kept(split, reading.weigh)
        return removals(kept, retraining.splits[split].instances, split)

    def one(arm: Arm, split: str) -> Removal:
        return both(split)[arm]

    return {arm: partial(one, arm) for arm in ARMS}


def without(removal: Callable[[str], Removal]) -> View:
    """A model as it is where words are removed from its texts."""
    return lambda model, split: Shortened(model, removal(split))


def _under(guide: Callable[[str], Guide]) -> View:
    return lambda model, split: Guided(model, guide(split))


def _same(model: AttentionModel) -> AttentionModel:
    return model


def _keeper(
    retraining: Retraining, model: Callable[[], AttentionModel], reading: Reading
) -> Callable[[str], Guide]:
    @cache
    def kept(split: str) -> Guide:
        return retraining.keep(model(), split, reading.weigh)

    return kept


def _load(file: GuideFile, retraining: Retraining, reading: Reading) -> AttentionModel:
    path = Path(file.path)
    found = retraining.recipe.load(path)
    ours, theirs = retraining.spec, found.spec
    if (theirs.labels, theirs.paired) != (ours.labels, ours.paired):
        other = "labels" if theirs.paired == ours.paired else "kinds of texts"
    elif not theirs.vocabulary.same_as(ours.vocabulary):
        other = "words"
    elif reason := reading.needs(found.model):
        raise InputError(f"--reading {reading.name}: {reason}", where=path)
    else:
        return found.model.eval().requires_grad_(False)
    raise InputError(
        f"is a guide checkpoint for another data set or vocabulary: it knows other {other}",
        where=path,
        hint="give a model that was trained on the same data",
    )
