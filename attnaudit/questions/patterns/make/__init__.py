"""Along which paths do words reach the answer? Lu et al. 2021.

Besides what every record holds (see `questions.answers`), for every text:

* `positions`, how many tokens it has with what frames it, and `read`, the one that the answer is
  read from; `units`, the word that each of them belongs to, null for none;
* `influence`: of each word on the log-odds of the predicted class, from the baseline to the text;
  null with all that follows for a text that is too long;
* `completeness`: how far the sum of these is from the change of the log-odds, which the number of
  points decides; `gap` and `pairs`: how far influences that a refinement splits up are from what
  was split, and the sum over all pairs of positions in the first two layers from the influence of
  a random word: rounding alone; feed `patterns.completeness`, `patterns.conservation` and
  `patterns.pairs`;
* `patterns`: by what chose them, a pattern for each word: its `places` and `heads` layer by layer
  (null: past all heads), its influence `along` these places and `through` these heads too. Feeds
  `patterns.share`, `patterns.overlap` and `patterns.skips`;
* `ablated`: the answer where only such patterns are kept, see `ablation`; feeds
  `patterns.ablation`;
* `tokens`: the words, only where text is asked for.

Letters in shape comments: W words, L layers, H heads, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.execution.seeds import generator_for
from attnaudit.importance.path_passes import without_words
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import Answered, each_batch, words_of
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.patterns.cost import cost
from attnaudit.questions.patterns.guides import (
    ATTENTION_BEST,
    ATTENTION_GREEDY,
    INFLUENCE,
    NEGATIVE,
    NOTHING,
    POSITIVE,
    RANDOM,
)
from attnaudit.questions.patterns.make.ablation import Kept, ablated
from attnaudit.questions.patterns.make.guides import at_random, best, greedy
from attnaudit.questions.patterns.make.refining import Followed, Refinement
from attnaudit.questions.patterns.settings import PatternsSettings
from attnaudit.records.rounding import compact

MOST_LAYERS = 12
SMALL = 1024  # tokens that a call may have, however small the batches are
_HALF = (torch.float16, torch.bfloat16)
_TOKENS = {"mask": "no mask token", "unknown": "no token for unknown words"}


def settle(settings: PatternsSettings, model: AttentionModel) -> PatternsSettings:
    """The settings with the baseline that the model gets.

    Raises InputError for a model without layers that can be looked into, for one with too many, and
    for a baseline that it does not have.
    """
    if not model.layer_count or not all(capability(model, n) for n in ("paths", "replaced")):
        raise InputError(
            "this audit follows paths through the layers of a transformer up to the one row that"
            " the answer is read from, and the model has no such layers: it has one attention"
            " alone, pools all rows, or reads a text twice",
            hint="audit a classifier that reads [CLS] or the last token, or ask this model by"
            " `correlate` and `erase`",
        )
    if model.layer_count > MOST_LAYERS:
        raise InputError(
            f"this audit is for models of up to {MOST_LAYERS} layers, and the model has"
            f" {model.layer_count}: time and memory grow with words, tokens and layers at once",
            hint="audit a smaller model of its family, or ask this one by `heads`",
        )
    parameters = (p.dtype for p in model.parameters() if p.dtype.is_floating_point)
    if next(parameters, None) in _HALF:
        raise InputError(
            "this audit adds up many small influences, and the rounding of half precision hides"
            " them",
            hint="use --dtype float32",
        )
    tokens = {"mask": model.mask_token, "unknown": model.unknown_token, "zeros": 0}
    known = [name for name, token in tokens.items() if token is not None]
    if settings.placeholder == "auto":
        return settings.model_copy(update={"placeholder": known[0]})
    if settings.placeholder not in known:
        raise InputError(
            f"--placeholder {settings.placeholder}: the model has {_TOKENS[settings.placeholder]}",
            hint=f"leave it out, or take {known[-1]}",
        )
    return settings


def records(
    model: AttentionModel, batches: Batches, settings: PatternsSettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""

    def make(known: Answered) -> list[Record]:
        return [
            _record(model, known, b, settings, batches.budget) for b in range(len(known.instances))
        ]

    return each_batch(model, batches, make, observer)


def _record(
    model: AttentionModel, known: Answered, b: int, settings: PatternsSettings, room: int
) -> Record:
    batch = known.batch.select(torch.tensor([b], device=known.batch.ids.device))
    tokens = batch.ids.shape[1]
    made = known.record(b) | {"positions": tokens, **dict.fromkeys(_FIGURES)}
    if tokens <= settings.longest:
        id = known.instances[b].id
        made |= _followed(model, batch, known.probs[b], settings, room, id)
        made["units"] = [None if word < 0 else word for word in batch.words[0].tolist()]
    if settings.text:
        made["tokens"] = words_of(known, b)
    return made


_FIGURES = ("read", "units", "influence", "completeness", "gap", "pairs", "patterns", "ablated")


def _followed(
    model: AttentionModel,
    batch: Batch,
    own: Tensor,
    settings: PatternsSettings,
    room: int,
    id: str,
) -> Record:
    """What a record holds of a text that is not too long; `own` (C,) is the model's answer."""
    paths_of, replaced_of = (capability(model, name) for name in ("paths", "replaced"))
    assert paths_of is not None
    assert replaced_of is not None
    token = {"mask": model.mask_token, "unknown": model.unknown_token}.get(settings.placeholder)
    baseline, target = without_words(model, batch, token), int(own.argmax())
    paths = paths_of(batch, baseline, target, settings.steps, room)
    count = int(batch.word_counts[0])
    words = torch.arange(count, device=batch.ids.device)
    sources = batch.words == words.unsqueeze(1)  # (W, T)
    refined = Refinement(paths, sources)
    generator = generator_for(id, settings.seed)
    others = _others(model, batch, sources, paths.row, generator)
    along = {INFLUENCE: refined.positions(words)}
    through = {INFLUENCE: refined.heads(words, along[INFLUENCE])}
    names = list(others)
    places, heads = (torch.cat([others[name][k] for name in names]) for k in range(2))
    rows = words.repeat(len(names))
    found = refined.positions(rows, places)
    further = refined.heads(rows, found, heads)
    for k, name in enumerate(names):
        part = slice(k * count, (k + 1) * count)
        along[name], through[name] = (
            Followed(one.chosen[part], one.influence[part], one.gap) for one in (found, further)
        )
    gap = max(one.gap for one in (along[INFLUENCE], through[INFLUENCE], found))
    ends = paths.odds(torch.cat([model.embed(batch).detach(), baseline]))
    complete = abs(float(refined.whole.sum()) - float(in_float64(ends[0]) - in_float64(ends[1])))
    pairs = refined.pairs_gap(int(generator.integers(count)))
    told = compact([complete, gap, pairs])
    size = paths.heads[0].shape[2]
    return {
        "read": paths.row,
        "influence": compact(refined.whole.tolist()),
        **dict(zip(("completeness", "gap", "pairs"), told, strict=True)),
        "patterns": {name: _pattern(along[name], through[name], size) for name in along},
        "ablated": _ablated(replaced_of(batch, baseline, room), refined, along, through, own),
    }


def _others(
    model: AttentionModel,
    batch: Batch,
    sources: Tensor,
    row: int,
    generator: np.random.Generator,
) -> dict[str, tuple[Tensor, Tensor]]:
    """Patterns that attention and chance choose: places and heads (W, L) each."""
    trace = capability(model, "trace")
    assert trace is not None
    with torch.no_grad():
        layers = trace(batch)
    alpha = np.stack([layer.alpha[0].cpu().double().numpy() for layer in layers])  # (L, H, T, T)
    there = sources.cpu().numpy()
    found = {
        ATTENTION_GREEDY: greedy(alpha, there, row),
        ATTENTION_BEST: best(alpha, there, row),
        RANDOM: at_random(generator, alpha.shape[1], len(alpha), there, row),
    }
    return {
        name: (
            torch.from_numpy(one.places).to(sources.device),
            torch.from_numpy(one.heads).to(sources.device),
        )
        for name, one in found.items()
    }


def _pattern(along: Followed, through: Followed, heads: int) -> dict[str, Any]:
    return {
        "places": along.chosen.tolist(),
        "heads": [
            [None if head == heads else head for head in row] for row in through.chosen.tolist()
        ],
        "along": compact(along.influence.tolist()),
        "through": compact(through.influence.tolist()),
    }


def _ablated(
    replaced: Any,
    refined: Refinement,
    along: dict[str, Followed],
    through: dict[str, Followed],
    own: Tensor,
) -> Record:
    everything = torch.ones(len(refined.whole), dtype=torch.bool, device=refined.whole.device)
    positive = refined.whole >= 0
    words = {name: (name, everything) for name in along} | {
        POSITIVE: (INFLUENCE, positive),
        NEGATIVE: (INFLUENCE, ~positive),
        NOTHING: (INFLUENCE, ~everything),
    }
    kept = [Kept(which, along[name].chosen, through[name].chosen) for name, which in words.values()]
    answers = ablated(replaced, refined.sources, kept, own, int(own.argmax()))
    return dict(zip(words, answers, strict=True))


MAKER = Maker(records, settle=settle, cost=cost)
