"""What a model answers under any attention weights, as a short list of steps on arrays.

`tracing` writes such a program down from one call of the model. A page can carry it and run it in a
browser, without torch; `run` runs it in numpy. What a step does:

| step | attributes | gives |
|---|---|---|
| `reshape`, `expand` | `shape` | the same numbers in that shape; axes of 1 repeated to it |
| `transpose` | `dims` | the axes in that order |
| `slice` | `dim`, `start`, `length`, `step` | a part along one axis |
| `cat` | `dim` | its inputs one after the other |
| `matmul` | | products of matrices (N, I, J) and (N, J, K) |
| `add`, `sub`, `mul`, `div`, `pow` | | of two arrays, by the usual broadcasting |
| `norm` | `size`, `eps` | layer norm over the last `size` numbers, before weight and bias |
| `sum` | `dims`, `scale` | sums over axes, which stay as axes of 1, times a number |
| a name of `UNARY` | | that function of each number |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]

UNARY: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "relu": lambda x: np.maximum(x, 0.0),
    "silu": lambda x: x * expit(x),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    "exp": np.exp,
    "neg": np.negative,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sqrt": np.sqrt,
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
}


@dataclass(frozen=True)
class Step:
    """One step: what it does, and which values it takes.

    Values are numbered: 0 are the weights, then come the constants, then the results of the steps.
    """

    kind: str
    takes: tuple[int, ...]
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """Steps from weights to logits; the last step gives the result.

    `constants` are what the steps take besides the weights. Programs of one model share those that
    are its parameters: they are the same objects.
    """

    constants: Sequence[Tensor]
    steps: Sequence[Step]

    def run(self, weights: Array) -> Array:
        """The result under `weights`, in float64."""
        values: list[Array] = [weights, *(_array(c) for c in self.constants)]
        for step in self.steps:
            values.append(perform(step, [values[i] for i in step.takes]))
        return values[-1]


def _array(tensor: Tensor) -> Array:
    made: Array = tensor.detach().cpu().double().numpy()
    return made


def perform(step: Step, given: Sequence[Array]) -> Array:
    """What one step gives for the values that it takes, in float64."""
    said, x = step.attributes, given[0]
    match step.kind:
        case "reshape":
            return x.reshape(said["shape"])
        case "expand":
            return np.broadcast_to(x, said["shape"])
        case "transpose":
            return x.transpose(said["dims"])
        case "slice":
            end = said["start"] + said["length"] * said["step"]
            place = [slice(None)] * x.ndim
            place[said["dim"]] = slice(said["start"], end, said["step"])
            return x[tuple(place)]
        case "cat":
            return np.concatenate(given, axis=said["dim"])
        case "matmul":
            product: Array = given[0] @ given[1]
            return product
        case "norm":
            rows = x.reshape(-1, said["size"])
            centred = rows - rows.mean(1, keepdims=True)
            spread = np.sqrt((centred**2).mean(1, keepdims=True) + said["eps"])
            normed: Array = (centred / spread).reshape(x.shape)
            return normed
        case "sum":
            summed: Array = x.sum(tuple(said["dims"]), keepdims=True) * said["scale"]
            return summed
    if step.kind in UNARY:
        return UNARY[step.kind](x)
    return BINARY[step.kind](*given)
