"""How far can the attention shown move while the answer stays, by what may change?

Besides what every record holds (see `questions.answers`):

* `cap`: the largest JSD to the attention shown of any distribution over the words' positions;
* `radii`: how far the embedding of each word (`words`) and the state of the audited row (`state`)
  may move, as lengths (L2); null where there is no such rung;
* `weights`, `query`, `state`, `word_embeddings`: the farthest alternative found on that rung whose
  answer lies within epsilon (TVD): its `jsd`, `tvd`, the attention `outside` the words, and
  whether there was one (`found`); of the weights also `upper`, which none of them or of the query
  exceeds, and `bound`, what `jsd` is. They feed `ladder.<rung>.*`;
* `parameters`: the same of the models in the records of `adversary --lambda`; null without these.

Each text is searched by itself, so that what is found does not depend on its batch, and its record
is written as soon as it is made.

On the rung of the weights any weights are allowed, those on special tokens too. It begins with what
the per-instance adversary finds, which leaves special tokens as they are; where that is no exact
maximum and a query makes weights that go farther, it takes these. So no query exceeds it. The other
rungs are no such ladder: a state also moves what goes around the attention, and stays in a ball,
which a query does not. None of the two contains the other. Embeddings move all layers.

Divergences are in nats, position by position; those of `parameters` are word by word, which is
never more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.execution.seeds import generator_for
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import Answered, answer, each_batch
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.instance_adversary.make.weights import adversaries, caps
from attnaudit.questions.ladder.adversaries import Parameters, check_same
from attnaudit.questions.ladder.cost import cost, starts_in_ball
from attnaudit.questions.ladder.make.radius import spacing_of
from attnaudit.questions.ladder.make.rungs import AGREE, Query, State, WordEmbeddings
from attnaudit.questions.ladder.make.search import Found, Goal, Rung, climb
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.settling import settle_reading
from attnaudit.records.rounding import compact

_HALF = (torch.float16, torch.bfloat16)
QUERY, STATE, WORDS = range(3)  # each rung has random numbers of its own


def settle(settings: LadderSettings, model: AttentionModel) -> LadderSettings:
    """The settings as they are.

    Raises InputError for a model that computes in a precision in which such small changes of an
    answer cannot be told.
    """
    settled = settle_reading(settings, model)
    parameters = model.parameters()
    if next((p.dtype for p in parameters if p.dtype.is_floating_point), None) in _HALF:
        raise InputError(
            "this audit measures small changes of answers, and the rounding of half precision"
            " hides them",
            hint="use --dtype float32",
        )
    return settled


def records(
    model: AttentionModel, batches: Batches, settings: LadderSettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""
    apart, given = spacing_of(model), settings.adversaries
    ladder = _Ladder(
        model,
        settings,
        None if apart is None else settings.radius * apart,
        None if given is None else Parameters.of(given, settings.epsilon),
    )

    def make(known: Answered) -> list[Record]:
        by_row = {instance.row: instance for instance in known.instances}
        each = torch.arange(len(known.instances), device=known.alpha.device)
        parts = (known.whole.select(b) for b in torch.split(each, 1))
        return [ladder.record(answer(model, one, by_row, settings.shown)) for one in parts]

    return each_batch(model, batches, make, observer, settings.shown)


@dataclass(frozen=True)
class _Ladder:
    """The rungs of a model; words move by up to `radius`, None where their table is not at hand."""

    model: AttentionModel
    settings: LadderSettings
    radius: float | None
    parameters: Parameters | None

    def record(self, known: Answered) -> Record:
        """The record of one text."""
        detached = Detached.of(self.model, known, self.settings.shown)
        base = detached.shown(detached.own[:, None])[:, 0]  # (1, T)
        goal = Goal(
            torch.from_numpy(base[0]).to(known.alpha),
            known.probs[0],
            lambda alpha: self.settings.shown.weigh(alpha) * known.encoded.content[0],
            self.settings.epsilon,
        )
        cap = float(caps(base, detached.content)[0])
        query = self._query(known)
        many, few = self.settings.starts, starts_in_ball(self.settings)
        best = None if query is None else self._climb(query, goal, known, QUERY, many)
        weights = self._weights(detached, goal, known, cap, best)
        state, words = self._state(known), self._words(known)
        made = {
            "cap": _number(cap),
            "radii": {
                "words": None if self.radius is None else _number(self.radius),
                "state": None if state is None else _number(state.radius),
            },
            "weights": weights,
            "query": None if query is None else _entry(best, known),
        }
        for name, rung, kind in (("state", state, STATE), ("word_embeddings", words, WORDS)):
            there = rung is not None and rung.radius > 0
            found = self._climb(rung, goal, known, kind, few) if rung and there else None
            made[name] = None if rung is None else _entry(found, known)
        return known.record(0) | made | {"parameters": self._trained(known)}

    def _climb(
        self, rung: Rung, goal: Goal, known: Answered, kind: int, starts: int
    ) -> Found | None:
        generator = generator_for(known.instances[0].id, self.settings.seed, kind)
        return climb(rung, goal, starts, self.settings.steps, generator)

    @torch.no_grad()
    def _weights(
        self, detached: Detached, goal: Goal, known: Answered, cap: float, query: Found | None
    ) -> Record:
        found = adversaries(detached, self.settings.epsilon, 1)
        far, tvd, upper = (float(x) for x in (found.jsd[0, 0], found.tvd[0, 0], found.upper[0]))
        bound, outside = found.bounds[0], _outside(known.alpha[0], known)
        if bool((known.encoded.attendable & ~known.encoded.content).any()):
            # Weights on special tokens may move here, which those bounds do not know of.
            upper = cap
            bound = "exact" if cap - far <= 1e-9 else "lower"
        if query and bound != "exact" and query.jsd > far:
            far, tvd, outside = query.jsd, query.tvd, _outside(query.alpha, known)
        return {
            **dict(zip(("jsd", "tvd", "outside"), map(_number, (far, tvd, outside)), strict=True)),
            "found": far > 1e-9,
            "upper": _number(max(upper, far)),
            "bound": bound,
        }

    @torch.no_grad()
    def _query(self, known: Answered) -> Query | None:
        show = capability(self.model, "keys")
        keys = show(known.encoded) if show else None
        return None if keys is None else Query(self.model, known.encoded, keys, known.alpha)

    @torch.no_grad()
    def _state(self, known: Answered) -> State | None:
        begin, encode, find = (
            capability(self.model, name) for name in ("begun", "encode_begun", "audited_row")
        )
        states = begin(known.whole) if begin else None
        if states is None or encode is None or find is None:
            return None
        row = int(find(known.whole)[0])
        radius = self.settings.radius * float(states[0, row].norm())
        made = State(self.model, known.whole, states, row, radius, encode)
        look = made.look(states.new_zeros(1, *made.shape))
        same = (look.alpha - known.alpha).abs().max() + (look.probs - known.probs).abs().max()
        # Not so where layers below tell the audited one more than the states.
        return made if float(same) <= AGREE else None

    @torch.no_grad()
    def _words(self, known: Answered) -> WordEmbeddings | None:
        if self.radius is None:
            return None
        # Words that the audited row cannot reach may move, too: `whole` has them as content.
        embeddings = self.model.embed(known.whole)
        return WordEmbeddings(self.model, known.whole, embeddings, self.radius)

    def _trained(self, known: Answered) -> dict[str, Any] | None:
        if self.parameters is None:
            return None
        found = self.parameters.at(known.instances[0].id, known.probs[0].tolist())
        if found is None:
            return None
        return {"jsd": _number(found.jsd), "tvd": _number(found.tvd), "found": found.fits}


def _entry(found: Found | None, known: Answered) -> Record:
    """What a record says of a search; the model itself where it found nothing."""
    if found is None:
        outside = _number(_outside(known.alpha[0], known))
        return {"jsd": 0.0, "tvd": 0.0, "outside": outside, "found": False}
    return {
        "jsd": _number(found.jsd),
        "tvd": _number(found.tvd),
        "outside": _number(_outside(found.alpha, known)),
        "found": True,
    }


def _outside(alpha: Tensor, known: Answered) -> float:
    """The share of attention (H, T) outside the words, as a mean over heads."""
    elsewhere = known.encoded.attendable[0] & ~known.encoded.content[0]
    return min(1.0, float((alpha.mean(0) * elsewhere).sum()))


def _number(value: float) -> float:
    number = compact([value])[0]
    assert number is not None
    return number


MAKER = Maker(
    records,
    settle=settle,
    cost=cost,
    alone=True,
    check=lambda settings, header: check_same(settings.adversaries, header),
)
