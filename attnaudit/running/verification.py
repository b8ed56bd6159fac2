"""A check on the data before the first record: does our way through the model give its own answers?

The laws at load are tried on eight texts. A model may keep them there and break them on the one
text in a thousand that holds a padding id, is cut, or is longer than a window. So for each unusual
text, and for a random sample of the others, three answers are compared: the model's own to the text
alone, its own in a batch, and what reading the text's own attention gives in that batch.

How far they may lie apart follows from the model. Two batch shapes round differently, so the
difference that the model itself shows between the text alone and the text in a batch is measured,
and ten times the median of it is allowed; at least what float32 rounds, and at most ten times what
the laws at load allow. A model whose answer depends on its batch in a few texts does not widen it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.data.batch import Batch
from attnaudit.data.instance import Instance
from attnaudit.data.pieces import Pieces
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import ModelError
from attnaudit.execution.observer import Observer
from attnaudit.models.interface import TOLERANCES, AttentionModel
from attnaudit.models.lengths import tokens_of
from attnaudit.models.passes import Passes
from attnaudit.models.predict import Batches
from attnaudit.records.schema import Verification
from attnaudit.running.work import Work

ENDS = 4  # of the shortest texts, and of the longest
NOISE = 10  # times what the model itself shows between two batch shapes
# What rounding alone does in a number format, as a share of 1 + the largest logit.
LEAST = {torch.float64: 1e-5, torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 8e-3}
SOON = 1000  # texts that are checked before a progress bar would be of use
PASSES = 3  # of each text: alone, in a batch, and read under its own attention

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Chosen:
    """The texts that are checked: `places` (n,) in the data set, ascending.

    `reasons` says of the unusual ones why they are; one may have several.
    """

    places: Sequence[int]
    reasons: dict[int, list[str]]

    def counts(self) -> dict[str, int]:
        """How many texts there are for each reason."""
        found: dict[str, int] = {}
        for reasons in self.reasons.values():
            for reason in reasons:
                found[reason] = found.get(reason, 0) + 1
        return found


@dataclass
class Verifier:
    """Checks a model on its data once, however many questions are asked of both."""

    _known: dict[str, Verification] = field(default_factory=dict)

    def verify(self, work: Work, observer: Observer) -> Verification:
        """The check of what `work` is about; raises ModelError naming a text that differs."""
        key = repr((work.job.verify, work.header.model, work.header.dataset, work.conditions))
        if key not in self._known:
            self._known[key] = verify(work, observer)
        return self._known[key]


def verify(work: Work, observer: Observer) -> Verification:
    """Compare the answers, and say how many texts were checked and how far they lay apart.

    Raises:
        ModelError: on some text the answers differ; it names the text and both answers.
    """
    chosen = choose(work)
    some = part_of(work.checked, chosen.places)
    model, count = work.loaded.model, len(some.instances)
    if count <= SOON:
        found = compare(model, some, observer)
    else:
        with observer.task("check", count) as task:
            found = compare(model, some, observer, task.advance)
    share = share_of(work, found)
    refuse_difference(work, chosen, found, share)
    return Verification(
        asked="all" if work.job.verify is None else work.job.verify,
        texts=len(chosen.places),
        unusual=chosen.counts(),
        drawn=len(chosen.places) - len(chosen.reasons),
        largest_difference=float(found.apart.max()),
        batch_difference=float(found.shifted.max()),
        tolerance=share,
    )


def choose(work: Work) -> Chosen:
    """All unusual texts, and so many of the others at random as the job asks for."""
    reasons = unusual(work)
    places = range(len(work.data.instances))
    count = work.job.verify
    if count is None:
        return Chosen(places, reasons)
    others = np.array([place for place in places if place not in reasons], np.int64)
    generator = np.random.default_rng(work.job.seed)
    drawn = generator.choice(others, min(count, len(others)), replace=False)
    return Chosen(sorted([*reasons, *drawn.tolist()]), reasons)


def unusual(work: Work) -> dict[int, list[str]]:
    """The texts on which a model may be read wrongly, each with why."""
    batches, instances = work.checked, work.data.instances
    tokens = tokens_of(batches)
    order = np.argsort(tokens, kind="stable")
    reach = _reach(work.loaded.model, batches, int(order[-1]))
    ends = {int(place): "shortest" for place in order[:ENDS]}
    ends |= {int(place): "longest" for place in order[-ENDS:] if int(place) not in ends}
    special = _special_ids(batches.vocabulary)
    found: dict[int, list[str]] = {}
    for place, instance in enumerate(instances):
        reasons = [ends[place]] if place in ends else []
        if special and not special.isdisjoint(_inside(batches.vocabulary, instance)):
            reasons.append("special id inside")
        if instance.truncated:
            reasons.append("cut")
        if reach is not None and tokens[place] > reach:
            reasons.append("longer than the window")
        if reasons:
            found[place] = reasons
    return found


def _special_ids(vocabulary: Vocabulary) -> frozenset[int]:
    """Ids that mean something to a model beside a word; plain words have none of them inside."""
    if not isinstance(vocabulary, Pieces):
        return frozenset()
    mask = () if vocabulary.mask is None else (vocabulary.mask,)
    return vocabulary.framing.union(mask)


def _inside(vocabulary: Vocabulary, instance: Instance) -> Iterator[int]:
    yield from vocabulary.ids(instance.tokens)
    yield from vocabulary.ids(instance.query or ())


@torch.no_grad()
def _reach(model: AttentionModel, batches: Batches, longest: int) -> int | None:
    """How many positions the audited row can attend to; None where it reaches every word.

    Looked at on the longest text: a window that this fits into cuts no other.
    """
    (batch,) = part_of(batches, [longest])
    attendable = model.encode(batch).attendable.to(batch.ids.device)
    if not bool((batch.content & ~attendable).any()):
        return None
    return int(attendable.sum())


def part_of(batches: Batches, places: Sequence[int]) -> Batches:
    """Batches of some of the texts, under the same budget."""
    return replace(batches, instances=[batches.instances[place] for place in places])


@dataclass(frozen=True)
class Compared:
    """What was found on each text, in the order of the batches; all (n,) but for the answers.

    `rows` in the data set; `own`, the model's logits to the text alone, and `read`, those of its
    own attention read in a batch (n, C); `scale`, 1 + the largest of the logits; `apart`, how far
    `read` lies from the farther one of the model's own answers, alone and in the batch; `shifted`,
    how far those two lie apart.
    """

    rows: NDArray[np.int64]
    own: Array
    read: Array
    scale: Array
    apart: Array
    shifted: Array

    def allowed(self, precision: torch.dtype) -> float:
        """How far answers may lie apart, as a share of `scale`."""
        least, most = LEAST[precision], NOISE * TOLERANCES[precision]
        measured = NOISE * float(np.median(self.shifted / self.scale))
        return float(np.clip(measured, least, most)) if np.isfinite(measured) else least


@torch.no_grad()
def compare(
    model: AttentionModel,
    batches: Batches,
    observer: Observer,
    advance: Callable[[int], None] = lambda _: None,
) -> Compared:
    """The three answers to each text of `batches`."""
    model.eval()

    def work(batch: Batch) -> tuple[Array, ...]:
        encoded = model.encode(batch)
        read = model.read(encoded, model.attend(encoded).unsqueeze(1))[:, 0]
        together = model.own_answer(batch)
        places = torch.arange(len(batch), device=batch.ids.device)
        alone = torch.cat([model.own_answer(batch.select(place.view(1))) for place in places])
        return tuple(_numbers(x) for x in (batch.rows, alone, read, together))

    parts = []
    for part in batches.memory.results(work, batches, observer):
        parts.append(part)
        advance(len(part[0]))
    rows, alone, read, together = (np.concatenate(x) for x in zip(*parts, strict=True))
    apart = np.maximum(_far(read, together), _far(read, alone))
    scale = 1 + np.abs(alone).max(1)
    return Compared(rows.astype(np.int64), alone, read, scale, apart, _far(together, alone))


def _numbers(tensor: torch.Tensor) -> Array:
    return tensor.cpu().numpy().astype(np.float64)


def _far(some: Array, others: Array) -> Array:
    return np.asarray(np.abs(some - others).max(1), np.float64)


def share_of(work: Work, found: Compared) -> float:
    """How far the answers of its model may lie apart, as a share of 1 + the largest logit."""
    return found.allowed(_precision(work.loaded.model))


def refuse_difference(work: Work, chosen: Chosen, found: Compared, share: float) -> None:
    """Raise ModelError for the first text, in the order of the data, whose answers differ."""
    differ = ~(found.apart <= share * found.scale)  # a NaN too
    if not differ.any():
        return
    first = min(np.flatnonzero(differ), key=lambda k: found.rows[k])
    place = int(found.rows[first])
    why = chosen.reasons.get(place)
    told = f" ({', '.join(why)})" if why else ""
    labels = work.data.labels
    of_itself = bool(found.shifted[first] > share * found.scale[first])
    what = "in a batch its attention gives" if of_itself else "reading its attention gives"
    raise ModelError(
        f"the model cannot be audited on this data: to the text {work.data.instances[place].id!r}"
        f"{told} it answers {_answer(found.own[first], labels)}, and {what}"
        f" {_answer(found.read[first], labels)}; so with {int(differ.sum())} of"
        f" {len(found.rows)} texts that were checked",
        where=work.job.model,
        hint="make its answer independent of the padding and of the other texts in a batch"
        if of_itself
        else "leave such texts out of the data, or correct how the model is read",
    )


def _answer(logits: Array, labels: Sequence[str]) -> str:
    """The three likeliest classes with their probabilities."""
    if not np.isfinite(logits).all():
        return "numbers that are not finite"
    probs = np.exp(logits - logits.max())
    probs /= probs.sum()
    likely = np.argsort(-probs, kind="stable")[:3]
    return ", ".join(f"{labels[k]} {probs[k]:.4g}" for k in likely)


def _precision(model: AttentionModel) -> torch.dtype:
    return next((p.dtype for p in model.parameters() if p.dtype in TOLERANCES), torch.float32)


def passes_of(count: int) -> Passes:
    """What it takes to check so many texts."""
    return Passes(forward=PASSES * count, answers=PASSES * count)
