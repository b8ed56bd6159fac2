"""How the axes of a tensor lie: networks keep texts, heads and positions in orders of their own.

Axes have letters: `b` texts, `h` heads, `q` queries, `t` positions, `d` dimensions of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor


@dataclass(frozen=True)
class Axes:
    """The axes of a tensor in their order, such as "bhqt"; `merged`: the first two are one."""

    order: str
    merged: bool = False

    def apart(self, tensor: Tensor, heads: int, order: str) -> Tensor:
        """The tensor with four axes, in `order`; the axis of heads has the size `heads`."""
        if self.merged:
            texts = len(tensor) // heads
            sizes = (texts, heads) if self.order[1] == "h" else (heads, texts)
            tensor = tensor.reshape(*sizes, *tensor.shape[1:])
        return tensor.permute([self.order.index(axis) for axis in order])

    def together(self, tensor: Tensor, order: str) -> Tensor:
        """The reverse of `apart`: a tensor with four axes in `order`, as it lies here."""
        tensor = tensor.permute([order.index(axis) for axis in self.order])
        return tensor.flatten(0, 1) if self.merged else tensor


def recognise(tensor: Tensor, wanted: Tensor, order: str) -> Axes | None:
    """How `tensor` lies, if it holds the numbers of `wanted`, whose axes are `order`; else None."""
    if tensor.numel() != wanted.numel() or tensor.ndim not in (3, 4):
        return None
    heads = wanted.shape[order.index("h")]
    rounding = 10 * torch.finfo(wanted.dtype).eps
    for letters in permutations(order):
        axes = Axes("".join(letters), merged=tensor.ndim == 3)
        if axes.merged and set(letters[:2]) != {"b", "h"}:
            continue
        if axes.together(wanted, order).shape == tensor.shape:
            found = axes.apart(tensor, heads, order)
            if torch.allclose(found.to(wanted), wanted, atol=rounding, rtol=0):
                return axes
    return None
