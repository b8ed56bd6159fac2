"""Which way to find the weights farthest from a model's own that leave its answer where it was.

* a linear readout and two classes: the exact maximum (`largest_jsd`);
* a linear readout and more classes: feasible weights and an upper bound (`jsd_bounds`), further
  alternatives by `mixing`;
* any other readout: feasible weights by `mixing`, from a start that `two_tokens` finds; the upper
  bound is what any weights attain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax  # type: ignore[import-untyped]

from attnaudit.measures.divergences import jsd, max_jsd
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.instance_adversary.make.jsd_bounds import bounds
from attnaudit.questions.instance_adversary.make.largest_jsd import SAME, farthest_vertices, slab
from attnaudit.questions.instance_adversary.make.mixing import mix
from attnaudit.questions.instance_adversary.make.two_tokens import two_tokens

Array = NDArray[np.float64]
Bound = Literal["exact", "lower+upper", "lower"]
SLACK = 1e-9  # how far a TVD may exceed epsilon, by rounding


@dataclass(frozen=True)
class Adversaries:
    """What was found for each instance of a batch.

    `weights` (B, K, H, T) alternatives, of which instance b has `counts[b]` (at least 1; the
    model's own weights where no other are feasible); `jsd` (B, K) the divergence of each from the
    model's attention, in nats; `tvd` (B, K) between the answers, at most epsilon; `upper` (B,) what
    no feasible weights exceed in divergence; `bounds` (B,) says what the first alternative's
    divergence is: the exact maximum, a lower bound beside an upper bound of some worth, or a lower
    bound beside the trivial one.
    """

    weights: Array
    counts: NDArray[np.int64]
    jsd: Array
    tvd: Array
    upper: Array
    bounds: list[Bound]


def adversaries(detached: Detached, epsilon: float, count: int) -> Adversaries:
    """`count` alternatives, the first as far from the model's attention as can be found.

    Each further one is as far as can be found from the attention and the alternatives before it,
    in least divergence; exactly so, among vertices, where the first is exact.
    """
    base = detached.shown(detached.own[:, None])[:, 0]  # (B, T)
    upper = caps(base, detached.content)
    linear = detached.linear
    kind: Bound = "lower"
    if linear is not None and linear.tokens.shape[-1] == 2:
        kind = "exact"
        logits = linear.tokens[..., 1] - linear.tokens[..., 0]  # (B, T)
        low, high = slab((base * logits).sum(-1), epsilon)
        found, _ = farthest_vertices(base, logits, detached.content, low, high, count)
        weights = found[:, :, None]  # (B, K, 1, T)
    else:
        references = base[:, None]
        if linear is None:
            first = mix(detached, epsilon, references, two_tokens(detached, epsilon))
        else:
            kind = "lower+upper"
            upper, best = bounds(base, linear.tokens, detached.content, epsilon)
            first = best[:, None]  # (B, 1, T)
        weights = _with_others(detached, references, epsilon, count, first)
    return _checked(detached, base, epsilon, weights, upper, kind)


def caps(base: Array, content: NDArray[np.bool_]) -> Array:
    """The largest divergence that any weights attain from each attention (B, T): (B,)."""
    return np.array([max_jsd(a[c]) for a, c in zip(base, content, strict=True)])


def moved(said: Array, own: Array) -> Array:
    """Total variation distance between the answers of two arrays of logits (..., C)."""
    distance: Array = np.abs(softmax(said, axis=-1) - softmax(own, axis=-1)).sum(-1) / 2
    return distance


def _with_others(
    detached: Detached, references: Array, epsilon: float, count: int, first: Array
) -> Array:
    """(B, count, H, T): the `first`, and others far from it and from the `references`."""
    found = [first]
    for _ in range(count - 1):
        references = np.concatenate([references, detached.shown(found[-1][:, None])], axis=1)
        found.append(mix(detached, epsilon, references))
    return np.stack(found, axis=1)


def _checked(
    detached: Detached, base: Array, epsilon: float, weights: Array, upper: Array, kind: Bound
) -> Adversaries:
    """What is feasible, and differs from what stands before it."""
    own = detached.logits(detached.own[:, None])  # (B, 1, C)
    tvd = moved(detached.logits(weights), own)
    weights = np.where((tvd <= epsilon + SLACK)[..., None, None], weights, detached.own[:, None])
    tvd = np.where(tvd <= epsilon + SLACK, tvd, 0.0)
    shown = detached.shown(weights)  # (B, K, T)
    apart = jsd(shown, base[:, None])  # (B, K)
    counts = np.ones(len(base), np.int64)
    going = np.ones(len(base), bool)
    for k in range(1, weights.shape[1]):
        least = np.minimum(jsd(shown[:, :k], shown[:, k : k + 1]).min(1), apart[:, k])
        going &= least > SAME
        counts += going
    first = apart[:, 0]
    upper = first.copy() if kind == "exact" else np.maximum(upper, first)
    met: list[Bound] = [
        "exact" if u - f <= SAME else kind for u, f in zip(upper, first, strict=True)
    ]
    return Adversaries(weights, counts, apart, tvd, upper, met)
