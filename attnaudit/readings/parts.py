"""Values in parts that add up to them, through the steps of a program.

There is a part for each position, and a last one, the rest, in which all ends up that does not
depend on the attention. What a step does to parts:

* what is linear takes them one by one, as it stands;
* a LayerNorm holds the deviation of the whole, and an RMSNorm its root mean square;
* a function f of single numbers that is 0 at 0 holds its slope from there, f(z) / z;
* a product of two values in parts, as in a gated feed-forward layer, gives half of itself to the
  parts of each: u v = (u/2) v + (v/2) u, the other factor held. That is what integrated gradients
  from 0 give for a product, and the Shapley value of its two factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Union

import numpy as np
from numpy.typing import NDArray

from attnaudit.models.programs import UNARY, Program, Step, perform

Array = NDArray[np.float64]
_SMALL = 1e-12  # below it a function of the kind is as good as 0
_SHAPING = ("reshape", "expand", "transpose", "slice", "sum")
_BY_NUMBER = frozenset({"add", "sub", "mul", "div", "pow", *UNARY})


class MixedError(Exception):
    """A step that parts cannot be followed through; its text says which."""


@dataclass(frozen=True, eq=False)
class Parts:
    """A value in parts (P, ...), of which the last is the rest.

    It may be a multiple of another value, its `origin`.
    """

    each: Array
    origin: Parts | None = None

    @cached_property
    def whole(self) -> Array:
        """The value itself."""
        total: Array = self.each.sum(0)
        return total

    @property
    def root(self) -> Parts:
        """What it is a multiple of: itself, or its origin."""
        return self.origin or self


@dataclass(frozen=True, eq=False)
class Curve:
    """A function of each number of a value `root` in parts: what it gives, and what it gives at 0.

    `square`: it is the square of a multiple of them.
    """

    root: Parts
    whole: Array
    at_zero: Array
    square: bool = False

    def settled(self) -> Parts:
        """It in parts, with the slopes from 0 held."""
        if not (np.abs(self.at_zero) <= _SMALL).all():
            raise MixedError("it has a function of single numbers that is not 0 at 0")
        z = self.root.whole
        large = np.abs(z) > _SMALL
        slope = np.where(large, self.whole / np.where(large, z, 1.0), 0.0)
        return Parts(self.root.each * slope)


@dataclass(frozen=True, eq=False)
class Size:
    """A mean of squares, or what constants make of it: it is held as it is."""

    whole: Array


Value = Union[Array, Parts, Curve, Size]  # noqa: UP007


def taken_apart(program: Program, weights: Array) -> Array:
    """(P, ...) the parts of a program's result under `weights` (..., T), in float64; P is T + 1.

    Raises MixedError where a step is none of those that parts can be followed through.
    """
    tokens = weights.shape[-1]
    own = weights * np.eye(tokens + 1, tokens).reshape(tokens + 1, *[1] * (weights.ndim - 1), -1)
    values: list[Value | None] = [Parts(own)]
    values += [c.detach().cpu().double().numpy() for c in program.constants]
    first, last_use = len(values), dict[int, int]()
    for at, step in enumerate(program.steps):
        last_use |= dict.fromkeys(step.takes, at)
    for at, step in enumerate(program.steps):
        given = [values[i] for i in step.takes]
        values.append(_step(step, [value for value in given if value is not None]))
        for i in step.takes:
            if i >= first and last_use[i] == at:
                values[i] = None  # parts of long texts are large
    result = _settled(values[-1])
    assert isinstance(result, Parts)
    return result.each


def _step(step: Step, given: Sequence[Value]) -> Value:
    if all(isinstance(value, np.ndarray) for value in given):
        return perform(step, [_whole(value) for value in given])
    if step.kind == "reshape" and list(_whole(given[0]).shape) == list(step.attributes["shape"]):
        return given[0]
    if any(isinstance(value, Size) for value in given):
        return _with_size(step, given)
    first = given[0]
    if step.kind == "sum" and isinstance(first, Curve) and first.square:
        return Size(perform(step, [first.whole]))
    return _curve(step, given) or _in_steps(step, [_settled(value) for value in given])


def _with_size(step: Step, given: Sequence[Value]) -> Value:
    """A step that takes a size: with constants a size again, and else a factor that is held."""
    others = [value for value in given if isinstance(value, (Parts, Curve))]
    if not others and step.kind in (*_BY_NUMBER, *_SHAPING):
        return Size(perform(step, [_whole(value) for value in given]))
    divided = step.kind == "div" and isinstance(given[0], (Parts, Curve))
    if len(others) == 1 and (step.kind == "mul" or divided):
        held = [value.whole if isinstance(value, Size) else _settled(value) for value in given]
        return _each(step, held)
    raise MixedError("it uses a mean of squares for something else than to divide by it")


def _curve(step: Step, given: Sequence[Value]) -> Curve | None:
    """What a step makes of the numbers of one value, each by itself.

    None where it is linear, or is of several values.
    """
    found = [value for value in given if isinstance(value, (Parts, Curve))]
    roots = {id(value.root): value.root for value in found}
    linear = step.kind == "neg" or (
        step.kind in ("add", "sub", "mul", "div")
        and not any(isinstance(value, Curve) for value in found)
        and (step.kind in ("add", "sub") or len(found) == 1)
        and not (step.kind == "div" and given[-1] is found[-1])
    )
    if step.kind not in _BY_NUMBER or linear or len(roots) > 1:
        return None
    (root,) = roots.values()
    whole = perform(step, [_whole(value) for value in given])
    if whole.shape != root.whole.shape:
        return None
    with np.errstate(all="ignore"):
        at_zero = perform(step, [_at_zero(value) for value in given])
    of_parts = all(isinstance(value, Parts) for value in found)
    second = given[-1]
    twice = isinstance(second, np.ndarray) and second.size == 1 and second.item() == 2
    square = of_parts and (step.kind == "mul" or (step.kind == "pow" and twice))
    return Curve(root, whole, at_zero, square)


def _in_steps(step: Step, given: Sequence[Value]) -> Parts:
    """A step through parts and constants."""
    parts = [value for value in given if isinstance(value, Parts)]
    count, kind, first = len(parts[0].each), step.kind, given[0]
    if kind in ("add", "sub", "cat"):
        all_parts = [_in_parts(value, count) for value in given]
        return Parts(np.stack([perform(step, [p[k] for p in all_parts]) for k in range(count)]))
    if len(parts) == 1 and (
        kind in ("mul", "matmul") or (kind == "div" and isinstance(first, Parts))
    ):
        made = _each(step, given)
        scaled = kind != "matmul" and min(_whole(value).size for value in given) == 1
        same = made.each.shape == parts[0].each.shape
        return Parts(made.each, parts[0].root) if scaled and same else made
    if kind == "mul" and parts[0].whole.shape == parts[1].whole.shape:
        one, other = parts
        return Parts((one.each * other.whole + one.whole * other.each) / 2)
    if kind == "norm":
        return _normed(step, parts[0])
    if kind in (*_SHAPING, "neg"):
        return _each(step, given)
    if kind in ("mul", "matmul", "div"):
        raise MixedError("it combines two values by multiplication that both depend on them")
    raise MixedError(f"it has the operation {kind}, through which sums cannot be followed")


def _each(step: Step, given: Sequence[Value]) -> Parts:
    """A step that is linear in the one value that is in parts: part by part."""
    count = next(len(value.each) for value in given if isinstance(value, Parts))
    return Parts(
        np.stack(
            [
                perform(step, [v.each[k] if isinstance(v, Parts) else _whole(v) for v in given])
                for k in range(count)
            ]
        )
    )


def _in_parts(value: Value, count: int) -> Array:
    """(P, ...) a value in parts: one that does not depend on the attention is all rest."""
    if isinstance(value, Parts):
        return value.each
    whole = _whole(value)
    made = np.zeros((count, *whole.shape))
    made[-1] = whole
    return made


def _normed(step: Step, value: Parts) -> Parts:
    """A layer norm with the deviation of the whole."""
    size, shape = step.attributes["size"], value.each.shape
    rows = value.each.reshape(shape[0], -1, size)
    centred = rows - rows.mean(-1, keepdims=True)
    variance = np.square(centred.sum(0)).mean(-1, keepdims=True)
    spread = np.sqrt(variance + step.attributes["eps"])
    return Parts((centred / spread).reshape(shape))


def _settled(value: Value | None) -> Value:
    assert value is not None
    return value.settled() if isinstance(value, Curve) else value


def _whole(value: Value) -> Array:
    return value if isinstance(value, np.ndarray) else value.whole


def _at_zero(value: Value) -> Array:
    if isinstance(value, Curve):
        return value.at_zero
    return np.zeros_like(value.whole) if isinstance(value, Parts) else _whole(value)
