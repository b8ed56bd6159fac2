"""How a probe looks under each guide."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

from attnaudit.errors import InputError
from attnaudit.models.guided import Guide, Guided, uniform
from attnaudit.models.interface import AttentionModel
from attnaudit.models.probes import Blindfolded
from attnaudit.models.retraining import Retraining, View, as_it_is
from attnaudit.models.untrained import load_trained
from attnaudit.questions.probe.guides import GuideFile
from attnaudit.readings.reading import Reading


@lru_cache(maxsize=1)  # many probes look through the same views, whose attention is computed once
def views(
    retraining: Retraining, files: tuple[GuideFile, ...], reading: Reading
) -> dict[str, View]:
    """How a probe looks under each guide, in W&P's order and with the leak control at the end.

    Attention is that of the `reading`, and computed when a view is first used on a split. Raises
    ModelError for a file that is no checkpoint, InputError for one of other words or labels than
    the audited model's, or that cannot be read so.
    """
    models = {file.name: _load(file, retraining, reading) for file in files}

    def base(split: str) -> Guide:
        return retraining.kept(split, reading.compute)

    named = {name: _under(_keeper(retraining, model, reading)) for name, model in models.items()}
    return {
        "uniform": _under(lambda split: uniform),
        "trained": as_it_is,
        "base": _under(base),
        **named,
        "leak": lambda model, split: Blindfolded(model, base(split)),
    }


def _under(guide: Callable[[str], Guide]) -> View:
    return lambda model, split: Guided(model, guide(split))


def _keeper(
    retraining: Retraining, model: AttentionModel, reading: Reading
) -> Callable[[str], Guide]:
    @cache
    def kept(split: str) -> Guide:
        return retraining.keep(model, split, reading.compute)

    return kept


def _load(file: GuideFile, retraining: Retraining, reading: Reading) -> AttentionModel:
    path = Path(file.path)
    found = load_trained(path)
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
        f"is a guide checkpoint of another data set or vocabulary: it knows other {other}",
        where=path,
        hint="give a model that was trained on the same data",
    )
