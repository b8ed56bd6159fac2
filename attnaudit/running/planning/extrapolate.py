"""From the cost of a few texts to that of a data set.

What a batch takes is taken to be `a + b texts + c tokens + d squares`, none of the four below 0:
calls, texts, their tokens with padding, and what each word asks of a whole text, such as a deletion
that is worked on without padding. A pilot works on some texts of a few batches, from the shortest
to the longest, as many as there is time for, and the four are fitted to that. What the tries cannot
tell apart, such as texts and tokens where all texts are equally long, counts as tokens. Memory is a
rougher guess, see `_Pilot.peak`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attnaudit.running.planning.plan import Span

Array = NDArray[np.float64]
Places = NDArray[np.int64]
ANCHORS = 3  # batches that are looked at
FEW = 4  # texts of a try that tells how many more there is time for
SURPRISE = 1.2  # a machine is not as fast at all times: the range is wider by this on either side
DOUBLING = 0.1  # and by this share for each doubling of the tokens beyond what was tried
_TOKENS = 2  # their place in the size of a batch
# How far a fit keeps away from calls, texts and squares, as a share of what is to be explained:
# enough to decide where the tries leave it open, and too little to matter elsewhere.
_DOUBT = 1e-4


@dataclass(frozen=True)
class Tried:
    """What working on some texts took: seconds, and the peaks of memory in bytes if known.

    `work` is the seconds of computing, whatever else the machine does meanwhile, of each question
    that is asked about them; where that cannot be told they add up to `seconds`.
    """

    seconds: float
    work: tuple[float, ...]
    peak: int | None = None
    device_peak: int | None = None


Try = Callable[[Sequence[int]], Tried]  # the texts by their place, all of one batch


@dataclass(frozen=True)
class Extrapolated:
    """What all batches take: seconds, and memory in bytes at most; `rough` if no long ones ran.

    `shares` says which part of the seconds each question takes; they add up to 1.
    """

    seconds: Span
    shares: tuple[float, ...]
    peak: int | None
    device_peak: int | None
    rough: bool


def extrapolate(
    batches: Sequence[Places], lengths: NDArray[np.int64], attempt: Try, seconds: float
) -> Extrapolated:
    """What it would take to work on all `batches`, from tries of about so many seconds in all.

    `batches` hold the places of texts, batches of short ones first; `lengths` (n,) says how long
    each text is. Batches of which a single text would take too long are not tried.
    """
    sizes = np.array([_size(lengths[b]) for b in batches], float)  # (batches, 4)
    anchors = _anchors(sizes[:, _TOKENS])
    pilot = _Pilot(lengths, attempt)
    first = attempt(_some(batches[anchors[0]], 1).tolist())  # prepares, whatever it does
    share, rough = seconds / len(anchors), False
    for anchor in anchors:
        one = first.seconds
        if pilot.tried:
            one = pilot.likely(np.array([_size(lengths[_some(batches[anchor], 1)])])).sum()
            rough = one > max(share, seconds - sum(t.seconds for t in pilot.tried))
        if rough:
            break
        pilot.look_at(batches[anchor], FEW if FEW * one < share else 1, share)
    each, most = pilot.likely(sizes), float(sizes[:, _TOKENS].max())
    likely = float(each.sum())
    beyond = math.log2(max(1.0, most / max(pilot.tokens)))
    spread = SURPRISE * (1 + DOUBLING * beyond) * (1.5 if rough else 1.0)
    return Extrapolated(
        Span(low=likely / spread, likely=likely, high=likely * spread),
        tuple((each / likely).tolist()) if likely > 0 else (1 / len(each),) * len(each),
        pilot.peak(first.peak, [t.peak for t in pilot.tried], most),
        pilot.peak(first.device_peak, [t.device_peak for t in pilot.tried], most),
        rough,
    )


@dataclass
class _Pilot:
    """Tries of some texts of a batch, and what they say of others."""

    lengths: NDArray[np.int64]
    attempt: Try
    sizes: list[tuple[int, ...]] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)

    @property
    def tokens(self) -> list[int]:
        return [size[_TOKENS] for size in self.sizes]

    def look_at(self, places: Places, count: int, share: float) -> None:
        """Try `count` texts of a batch, then as many as fit into what is left of the seconds."""
        left, count = share, min(count, len(places))
        while True:
            some = _some(places, count)
            found = self.attempt(some.tolist())
            self.sizes.append(_size(self.lengths[some]))
            self.tried.append(found)
            left -= found.seconds
            # Of a single text most is overhead; more of them take at most as long each.
            most = count + int((left - found.seconds) * count / max(found.seconds, 1e-9))
            if count == 1 and found.seconds < left:
                most = FEW
            if count == len(places) or most < 1.5 * count:
                return
            count = min(len(places), most)

    def likely(self, sizes: Array) -> Array:
        """Seconds of each question (q,) for batches of such `sizes` (b, 4).

        They are those on as busy a machine as this one is.
        """
        from scipy.optimize import nnls  # type: ignore[import-untyped]  # takes half a second

        work = np.array([t.work for t in self.tried])  # (tries, q)
        weights = 1 / np.maximum(work, 1e-9)  # a share too much is as bad for long as for short
        known = np.array(self.sizes, float)
        away = _DOUBT * np.diag(known.mean(0))
        away[_TOKENS] = 0
        fitted = [
            nnls(
                np.concatenate([known * own[:, None], away * own.mean()]),
                np.concatenate([seconds * own, np.zeros(len(away))]),
            )[0]
            for seconds, own in zip(work.T, weights.T, strict=True)
        ]
        busy = sum(t.seconds for t in self.tried) / max(float(work.sum()), 1e-9)
        found: Array = (sizes @ np.stack(fitted, axis=1)).sum(0) * busy
        return found

    def peak(self, one: int | None, peaks: Sequence[int | None], most: float) -> int | None:
        """The peak at so many tokens: what one text takes, and what more of them added.

        It grows with the tokens as long as an audit works on all at once, and then no more: where
        between the two it lies is not to be seen, and the middle is taken.
        """
        known = [(n, p) for n, p in zip(self.tokens, peaks, strict=True) if p is not None]
        if one is None or not known:
            return None
        tokens, peak = max(known)
        return int(max(peak, one + max(0, peak - one) * math.sqrt(most / tokens)))


def _size(lengths: NDArray[np.int64]) -> tuple[int, ...]:
    """What the four are multiplied with, for a batch of texts that are so long (n,)."""
    count = len(lengths)
    return 1, count, count * int(lengths.max()), int((lengths**2).sum())


def _anchors(sizes: Array) -> list[int]:
    """Batches from the first to the last; a last one with little in it says little."""
    last = len(sizes) - 1
    if last >= ANCHORS and sizes[last] < sizes[:last].mean() / 2:
        last -= 1
    places = np.linspace(0, last, min(ANCHORS, last + 1)).round()
    return [int(place) for place in places]


def _some(places: Places, count: int) -> Places:
    """So many neighbours in the middle of a batch, which are about as long as each other.

    Texts of one length are often worked on together, and would not be if they were spread.
    """
    first = (len(places) - count) // 2
    some: Places = places[first : first + count]
    return some
