"""What contributions compute; what they mean stands in `decomposition`.

A value that depends on the attention is held as its parts, which add up to it: one for each
position, and last the rest, in which all that does not depend on the attention ends up.

Letters in shape comments: B batch, T tokens, P parts (T + 1), C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.errors import InputError
from attnaudit.models.interface import capability
from attnaudit.models.programs import UNARY, Program, Step, perform
from attnaudit.models.tracing import UntraceableError, trace
from attnaudit.readings.seen import Seen

Array = NDArray[np.float64]
# Functions that are 0 at 0, which have a slope from there. `neg` is linear.
_FROM_ZERO = frozenset({"tanh", "relu", "silu", "gelu", "gelu_tanh"})
_SMALL = 1e-12  # below it a function of the kind is as good as 0


@dataclass(frozen=True)
class Parts:
    """A value in parts (P, ...), of which the last is the rest."""

    each: Array

    @property
    def whole(self) -> Array:
        """The value itself."""
        total: Array = self.each.sum(0)
        return total


Value = Union[Array, Parts]  # noqa: UP007


class _MixedError(Exception):
    """A step that parts cannot be followed through; its text says which."""


def contributions(seen: Seen) -> tuple[Tensor, Tensor]:
    """(B, T) what each position puts into the score of the target class, and (B,) the rest.

    The score is the logit of the class less the mean of the other logits; both add up to it.

    Raises InputError where what lies above the attention cannot be taken apart.
    """
    parts = torch.zeros(seen.batch.ids.shape, dtype=torch.float64)
    rest = torch.zeros(len(seen.batch), dtype=torch.float64)
    for b, target in enumerate(seen.target.tolist()):
        logits = _of_text(seen, b)  # (P, C)
        others = np.delete(logits, target, axis=1).mean(1)
        score = torch.from_numpy(logits[:, target] - others)
        parts[b, : len(score) - 1], rest[b] = score[:-1], score[-1]
    return parts, rest


def _of_text(seen: Seen, b: int) -> Array:
    """(P, C) the parts of the logits of one text."""
    model = seen.model
    batch = seen.batch.select(torch.tensor([b], device=seen.batch.ids.device))
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded).unsqueeze(1)  # (1, 1, H, T)
        token_logits = capability(model, "token_logits")

        def read(weights: Tensor) -> Tensor:
            if token_logits is None:
                return model.read(encoded, weights)
            per_token, bias = token_logits(encoded)
            answered: Tensor = weights.squeeze(2) @ per_token + bias
            return answered

        try:
            program = trace(read, alpha)
            found = taken_apart(program, alpha.cpu().double().numpy())
        except (UntraceableError, _MixedError) as error:
            raise InputError(
                "--reading contributions: what lies above the attention of this model cannot be"
                f" written as a sum over words: {error}"
            ) from None
    return found[:, 0, 0]


def taken_apart(program: Program, weights: Array) -> Array:
    """(P, ...) the parts of a program's result under `weights` (..., T), in float64."""
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
    result = values[-1]
    assert isinstance(result, Parts)
    return result.each


def _step(step: Step, given: list[Value]) -> Value:
    parts = [value for value in given if isinstance(value, Parts)]
    if not parts:
        return perform(step, [value for value in given if not isinstance(value, Parts)])
    count = len(parts[0].each)
    kind, first = step.kind, given[0]
    if kind in ("add", "sub", "cat"):
        all_parts = [_in_parts(value, count) for value in given]
        return Parts(np.stack([perform(step, [p[k] for p in all_parts]) for k in range(count)]))
    if kind in ("mul", "matmul") and len(parts) == 1:
        return _each(step, given)
    if kind == "div" and isinstance(first, Parts) and len(parts) == 1:
        return _each(step, given)
    if kind == "norm":
        return _normed(step, parts[0])
    if kind in _FROM_ZERO:
        whole = parts[0].whole
        large = np.abs(whole) > _SMALL
        slope = np.where(large, UNARY[kind](whole) / np.where(large, whole, 1.0), 0.0)
        return Parts(parts[0].each * slope)
    if kind in ("reshape", "expand", "transpose", "slice", "sum", "neg"):
        return _each(step, given)
    if kind in ("mul", "matmul", "div"):
        raise _MixedError("it combines two values by multiplication that both depend on them")
    raise _MixedError(f"it has the operation {kind}, through which sums cannot be followed")


def _each(step: Step, given: list[Value]) -> Parts:
    """A step that is linear in the one value that is in parts: part by part."""
    count = next(len(value.each) for value in given if isinstance(value, Parts))
    return Parts(
        np.stack(
            [
                perform(step, [v.each[k] if isinstance(v, Parts) else v for v in given])
                for k in range(count)
            ]
        )
    )


def _in_parts(value: Value, count: int) -> Array:
    """(P, ...) a value in parts: one that does not depend on the attention is all rest."""
    if isinstance(value, Parts):
        return value.each
    made = np.zeros((count, *value.shape))
    made[-1] = value
    return made


def _normed(step: Step, value: Parts) -> Parts:
    """A layer norm with the deviation of the whole."""
    size, shape = step.attributes["size"], value.each.shape
    rows = value.each.reshape(shape[0], -1, size)
    centred = rows - rows.mean(-1, keepdims=True)
    variance = np.square(centred.sum(0)).mean(-1, keepdims=True)
    spread = np.sqrt(variance + step.attributes["eps"])
    return Parts((centred / spread).reshape(shape))
