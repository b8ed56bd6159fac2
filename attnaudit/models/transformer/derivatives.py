"""Derivatives of functions of tensors, forwards and backwards."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.autograd import forward_ad

from attnaudit.errors import ModelError


def dual(given: Tensor, by: Tensor) -> Tensor:
    """A tensor that moves `by` so much, for what forward mode computes from it."""
    made: Tensor = forward_ad.make_dual(given, by)  # type: ignore[no-untyped-call]
    return made


def parts(tensor: Tensor) -> tuple[Tensor, Tensor | None]:
    """A tensor, and how far it moves in forward mode; None where nothing follows it there."""
    given, by = forward_ad.unpack_dual(tensor)  # type: ignore[no-untyped-call]
    return given, by


def split_rows(rows: Tensor, *shape: int) -> Tensor:
    """Rows (N, ...) as (*shape, ...), whose product is N."""
    return rows.reshape(*shape, *rows.shape[1:])


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
        duals = [dual(x, move.contiguous()) for x, move in pairs]
        try:
            primal, tangent = parts(function(*duals))
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
        dual(torch.ones(1), torch.ones(1))
