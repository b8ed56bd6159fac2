"""More than two classes and a linear readout: the largest divergence between two bounds.

The weights under which the answer moves by at most epsilon are no polytope any more, but they lie
in one: an answer within epsilon, in TVD, of p has a log-odds of class c over class d of at most
`ln((p_c + epsilon) / (p_d - epsilon))`. For two classes that is the slab of `largest_jsd`.

* **Upper bound.** The divergence is `1/2 (ln 2 + sum_t g(a_t, q_t))` (see `largest_jsd`), and each
  convex g lies below its secant `q_t g(a_t, 1)`, which leaves a linear program over the polytope.
  The bound is taken from its multipliers by weak duality, so that it holds whatever the tolerance
  of the solver, and is the trivial cap, `max_jsd`, where the program could not be solved.
* **Weights that diverge.** The program's own solution, improved by Frank-Wolfe steps (each to the
  best vertex for the divergence linearised where it stands), then pulled back towards the model's
  own weights until the answer is within epsilon. The same over polytopes of smaller epsilons,
  until one has a vertex that needs no pulling back. The best of these is a lower bound.

Letters in shape comments: T tokens (content only), C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog  # type: ignore[import-untyped]
from scipy.special import log_softmax, softmax  # type: ignore[import-untyped]

from attnaudit.measures.divergences import LN2, jsd
from attnaudit.questions.instance_adversary.make.largest_jsd import SAME, gain

Array = NDArray[np.float64]
STEPS = 8  # of Frank-Wolfe; most end sooner
SHARES = (0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1)  # of epsilon, for the narrower polytopes
LEAST = 1e-6  # weight at which slopes are taken in place of 0
HALVINGS = 40


def bounds(base: Array, tokens: Array, epsilon: float) -> tuple[float, Array]:
    """An upper bound of the largest divergence from `base`, and feasible weights that diverge.

    Args:
        base: (T,) the model's own weights, positive in sum 1.
        tokens: (T, C) logits with all weight on a token.
        epsilon: How far the answer may move, in total variation distance.

    Returns:
        The bound, in nats, in [0, ln 2]; and weights (T,) with an answer within epsilon.
    """
    gains = gain(base, 1.0)
    rows, limits = _polytope(base @ tokens, tokens, epsilon)
    vertex, multipliers = _program(gains, rows, limits)
    upper = (LN2 + float((gains - multipliers @ rows).max() + multipliers @ limits)) / 2
    best, value = base, 0.0
    for share in (*SHARES, None):
        if vertex is None:
            break
        vertex = _climb(base, vertex, rows, limits)
        inside = _pulled_back(base, vertex, tokens, epsilon)
        reached = float(jsd(inside, base))
        if reached > value:
            best, value = inside, reached
        if inside is vertex or share is None:
            break
        rows, limits = _polytope(base @ tokens, tokens, share * epsilon)
        vertex, _ = _program(gains, rows, limits)
    return upper, best


def _climb(base: Array, vertex: Array, rows: Array, limits: Array) -> Array:
    """Frank-Wolfe for a convex function: the best vertex for its slope, until none is better."""
    reached = jsd(vertex, base)
    for _ in range(STEPS):
        # The slope of g in q, ln(2 q / (a + q)), is -inf at 0: taken at a small weight instead.
        q = np.maximum(vertex, LEAST)
        following, _ = _program(np.log(2 * q / (base + q)), rows, limits)
        if following is None or jsd(following, base) <= reached + SAME:
            break
        vertex, reached = following, jsd(following, base)
    return vertex


def _polytope(own: Array, tokens: Array, epsilon: float) -> tuple[Array, Array]:
    """Rows and limits of `rows @ q <= limits`, from the model's logits (C,)."""
    p = softmax(own)
    log_p = log_softmax(own)
    rows, limits = [], []
    for d in (p > epsilon).nonzero()[0]:
        for c in range(len(p)):
            if c != d:
                rows.append(tokens[:, c] - tokens[:, d])
                limits.append(np.logaddexp(log_p[c], np.log(epsilon)) - np.log(p[d] - epsilon))
    return np.array(rows).reshape(-1, len(tokens)), np.array(limits)


def _program(gains: Array, rows: Array, limits: Array) -> tuple[Array | None, Array]:
    """A vertex that maximises `gains @ q`, and a multiplier >= 0 for each limit."""
    found = linprog(
        -gains,
        A_ub=rows if len(rows) else None,
        b_ub=limits if len(rows) else None,
        A_eq=np.ones((1, len(gains))),
        b_eq=[1.0],
        bounds=(0, None),
        method="highs-ds",
    )
    if found.status != 0:
        return None, np.zeros(len(limits))
    multipliers = np.maximum(0.0, -found.ineqlin.marginals) if len(rows) else np.zeros(0)
    q = np.maximum(found.x, 0.0)
    return q / q.sum(), multipliers


def _pulled_back(base: Array, vertex: Array, tokens: Array, epsilon: float) -> Array:
    """The farthest feasible point that bisection finds on the way from `base` to `vertex`."""
    own = softmax(base @ tokens)

    def feasible(step: float) -> bool:
        said = softmax((base + step * (vertex - base)) @ tokens)
        return bool(np.abs(said - own).sum() / 2 <= epsilon)

    if feasible(1.0):
        return vertex
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if feasible(middle) else (low, middle)
    return base + low * (vertex - base)
