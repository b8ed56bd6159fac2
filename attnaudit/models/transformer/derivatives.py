"""Derivatives of functions of tensors, forwards and backwards."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.autograd import forward_ad

from attnaudit.errors import ModelError


@torch.no_grad()
def moved(
    function: Callable[..., Tensor], given: tuple[Tensor, ...], by: tuple[Tensor, ...]
) -> Tensor:
    """How far a function moves where its arguments, which are `given`, move `by` so much.

    Raises ModelError where torch does not know the derivative.
    """
    _load()
    with forward_ad.dual_level():
        pairs = zip(given, by, strict=True)
        dual = [forward_ad.make_dual(x, move.contiguous()) for x, move in pairs]
        try:
            primal, tangent = forward_ad.unpack_dual(function(*dual))
        except NotImplementedError as error:
            raise ModelError(
                "an operation of it has no forward-mode derivative"
                f" ({str(error).splitlines()[0]:.100})"
            ) from error
        return torch.zeros_like(primal) if tangent is None else tangent


def slopes(value: Tensor, leaves: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The gradients of one number at its leaves; 0 where it does not depend on them."""
    if not value.requires_grad:
        return tuple(torch.zeros_like(leaf) for leaf in leaves)
    return torch.autograd.grad(value, leaves, materialize_grads=True)


@cache
def _load() -> None:
    """Let torch load what forward mode needs; it warns of how it is written itself."""
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore")
        forward_ad.make_dual(torch.ones(1), torch.ones(1))
