"""Integrals over [0, 1] of many texts at once, each to its own tolerance; no model is known here.

The way from 0 to 1 is cut into panels of five equally spaced points. Boole's rule gives the
integral over a panel, and its error is taken as the larger of two figures:

* the difference between Boole's rule and Simpson's, of the word where it is largest;
* how far the integrals of all words together miss the change of the output over this very panel,
  which is what they must add up to (completeness). The gradients at its ends give that change.

The second one sees what no point of the panel shows, such as a net that flips from one state to
another between two of them. Over the whole way it would guarantee nothing: words can be wrong in
ways that cancel. A panel whose error exceeds its share is bisected, and its points are used again.

Every decision rests on one text's own numbers, so that neither its neighbours nor its batch have a
say. (Adaptive Simpson: Lyness 1969; completeness: Sundararajan et al. 2017, section 3.)

Letters in shape comments: N texts, P panels, K points, W words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

START = 2  # panels at the beginning

_BOOLE = np.array([7, 32, 12, 32, 7]) / 90
_SIMPSON = np.array([1, 0, 4, 0, 1]) / 6
_STEP = 4  # intervals of a panel: a panel that is bisected takes so many further points


@dataclass(frozen=True)
class Points:
    """What is known at K points of some texts.

    `terms` (K, W): the integrand, word by word; `output` (K,): what changes by the sum of their
    integrals. `doubt` (K,): how far rounding alone may put `output` wrong.
    """

    terms: Array
    output: Array
    doubt: Array


# Of texts (K,) at places (K,) in [0, 1].
Look = Callable[[Counts, Array], Points]


@dataclass(frozen=True)
class Integrals:
    """Of N texts: the integral `signed` (N, W) of each word, with its sign, and what it rests on.

    `gradients` (N,): the points that were looked at. `error` (N,): the sum of the panels' errors as
    a share of the largest absolute attribution, 0 where rounding explains them all. `gap` (N,):
    |sum of the integrals - change of the output|. `settled` (N,): whether the error is within the
    tolerance. `finite` (N,): whether all numbers were; where not, the others mean nothing.
    """

    signed: Array
    gradients: Counts
    error: Array
    gap: Array
    settled: NDArray[np.bool_]
    finite: NDArray[np.bool_]


@dataclass
class _Panels:
    """P panels of any texts: `text`, `start` and `width` (P,), and what is known at their points.

    `terms` (P, 5, W), `output` and `doubt` (P, 5).
    """

    text: Counts
    start: Array
    width: Array
    terms: Array
    output: Array
    doubt: Array

    def areas(self) -> Array:
        """(P, W) by Boole's rule."""
        return _times(_BOOLE, self.terms) * self.width[:, None]

    def errors(self, rounding: float) -> Array:
        """(P,) see the module; less what rounding explains."""
        words = np.abs(_times(_BOOLE - _SIMPSON, self.terms)).max(1, initial=0.0) * self.width
        change = self.output[:, -1] - self.output[:, 0]
        gap = np.abs(self.areas().sum(1) - change)
        noise = rounding * self.width * np.abs(self.terms).sum(2).max(1)
        unsure = self.doubt[:, 0] + self.doubt[:, -1]
        found: Array = np.maximum(np.maximum(words, gap - unsure) - noise, 0.0)
        return found


def integrate(
    look: Look,
    texts: int,
    *,
    tolerance: float,
    most: int,
    rounding: float,
) -> Integrals:
    """The integrals of what `look` shows, of so many texts.

    Args:
        look: Gives what is known at points of texts. It is asked for the points of all texts that
            are still open together.
        texts: The number of texts.
        tolerance: The sum of a text's errors that is allowed, as a share of its largest absolute
            attribution.
        most: The points that a text may take; where they do not do, it is not settled.
        rounding: Relative precision of the terms: an error that rounding explains is none, so that
            a text whose gradients are all but zero ends.
    """
    finite = np.ones(texts, bool)

    def known(text: Counts, place: Array) -> Points:
        points = look(text, place)
        fine = np.isfinite(points.terms).all(1) & np.isfinite(points.output + points.doubt)
        finite[text[~fine]] = False
        terms = np.where(fine[:, None], points.terms, 0.0)
        return Points(terms, np.where(fine, points.output, 0.0), np.where(fine, points.doubt, 0.0))

    panels = _first(known, texts)
    gradients = np.full(texts, _STEP * START + 1)
    while True:
        signed = np.zeros((texts, panels.terms.shape[2]))
        np.add.at(signed, panels.text, panels.areas())
        largest = np.abs(signed).max(1, initial=0.0)
        errors = panels.errors(rounding)
        error = np.bincount(panels.text, errors, texts)
        settled = error <= tolerance * largest
        share = tolerance * largest / np.bincount(panels.text, minlength=texts)
        # Half an equal share: fewer rounds, and texts wait for one another.
        wanted = (errors > share[panels.text] / 2) & (finite & ~settled)[panels.text]
        chosen = _worst(wanted, errors, panels.text, (most - gradients) // _STEP)
        if not chosen.any():
            break
        gradients += _STEP * np.bincount(panels.text[chosen], minlength=texts)
        panels = _bisected(panels, chosen, known)
    first, last = panels.start == 0, panels.start + panels.width == 1
    change = np.bincount(panels.text[last], panels.output[last, -1], texts)
    change -= np.bincount(panels.text[first], panels.output[first, 0], texts)
    relative = np.divide(error, largest, out=np.zeros(texts), where=largest > 0)
    gap = np.abs(signed.sum(1) - change)
    return Integrals(signed, gradients, relative, gap, settled & finite, finite)


def _first(known: Look, texts: int) -> _Panels:
    places = np.linspace(0, 1, _STEP * START + 1)
    count = len(places)
    points = known(np.repeat(np.arange(texts), count), np.tile(places, texts))
    each = _STEP * np.arange(START)[:, None] + np.arange(_STEP + 1)  # (START, 5)
    at = (count * np.arange(texts)[:, None, None] + each).reshape(-1, _STEP + 1)  # (P, 5)
    return _Panels(
        np.repeat(np.arange(texts), START),
        np.tile(places[:-1:_STEP], texts),
        np.full(texts * START, 1 / START),
        points.terms[at],
        points.output[at],
        points.doubt[at],
    )


def _worst(
    wanted: NDArray[np.bool_], errors: Array, text: Counts, room: Counts
) -> NDArray[np.bool_]:
    """Of the panels that are `wanted` (P,) the worst of each text, at most its `room` (N,)."""
    chosen = np.zeros_like(wanted)
    (places,) = wanted.nonzero()
    order = places[np.lexsort((-errors[places], text[places]))]  # by text, the worst first
    mine = text[order]
    rank = np.arange(len(order)) - np.searchsorted(mine, mine)
    chosen[order[rank < room[mine]]] = True
    return chosen


def _bisected(panels: _Panels, chosen: NDArray[np.bool_], known: Look) -> _Panels:
    """The panels, with both halves in the place of each one that is `chosen` (P,)."""
    text, start, width = panels.text[chosen], panels.start[chosen], panels.width[chosen]
    places = start[:, None] + width[:, None] * np.array([1, 3, 5, 7]) / 8
    new = known(np.repeat(text, _STEP), places.ravel())

    def halves(old: Array, found: Array) -> Array:
        """The five points of both halves, from those of the whole (P, 5, ...) and the new ones."""
        nine = np.empty((len(old), 2 * _STEP + 1, *old.shape[2:]))
        nine[:, ::2] = old
        nine[:, 1::2] = found.reshape(len(old), _STEP, *old.shape[2:])
        return np.concatenate([nine[:, : _STEP + 1], nine[:, _STEP:]])

    def both(old: Array, found: Array) -> Array:
        return np.concatenate([old[~chosen], halves(old[chosen], found)])

    return _Panels(
        np.concatenate([panels.text[~chosen], text, text]),
        np.concatenate([panels.start[~chosen], start, start + width / 2]),
        np.concatenate([panels.width[~chosen], width / 2, width / 2]),
        both(panels.terms, new.terms),
        both(panels.output, new.output),
        both(panels.doubt, new.doubt),
    )


def _times(weights: Array, values: Array) -> Array:
    """The weighted sum (P, W) of the five points (P, 5, W)."""
    sums: Array = np.einsum("k,pkw->pw", weights, values)
    return sums
