"""What effective attention computes; what it means stands in `effective`.

Letters in shape comments: B batch, H heads, T tokens, N attendable tokens of one text, D dimensions
of a head, M of the output.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnaudit.errors import InputError
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.interface import Values


def effective(alpha: Tensor, values: Values, attendable: Tensor) -> Tensor:
    """(B, H, T) the least weights with which the heads give the same; `alpha` (B, H, T).

    Where the output map is regular, what all heads give together is the same if and only if it is
    for each, and heads are taken one by one. Otherwise they are taken together. Weights stay within
    `attendable` (B, T). In float64; numbers may be negative.

    Raises InputError where several heads are mixed by something that the model does not show.
    """
    output, eps = values.output, torch.finfo(values.vectors.dtype).eps
    if output is None and alpha.shape[1] > 1:
        raise InputError(
            "--reading effective: this model does not show the map that mixes what its heads give"
        )
    weights, vectors = in_float64(alpha), in_float64(values.vectors)
    mapped = None if output is None else in_float64(output)
    alone = mapped is None or _is_regular(mapped, eps)
    found = torch.zeros_like(weights)
    for b, there in enumerate(attendable.to(weights.device)):
        own, each = weights[b, :, there], vectors[b, :, there]  # (H, N), (H, N, D)
        if alone:
            kept = torch.stack([projected(a, v, eps) for a, v in zip(own, each, strict=True)])
        else:
            assert mapped is not None
            all_heads = (each @ mapped).flatten(0, 1)  # (H*N, M)
            kept = projected(own.flatten(), all_heads, eps).view_as(own)
        found[b, :, there] = kept
    return found


def projected(weights: Tensor, vectors: Tensor, eps: float) -> Tensor:
    """(N,) the part of `weights` (N,) that `weights @ vectors` (N, D) depends on.

    Singular values count as 0 up to the largest one times max(N, D) times `eps`, the precision of
    the numbers that the vectors were computed in.
    """
    left, sizes, _ = torch.linalg.svd(vectors, full_matrices=False)
    basis = left[:, sizes > _least(sizes, vectors, eps)]
    kept: Tensor = basis @ (basis.T @ weights)
    return kept


def _is_regular(output: Tensor, eps: float) -> bool:
    """Whether no two different lots of heads' averages are mapped to the same (H, D, M)."""
    stacked = output.flatten(0, 1)  # (H*D, M)
    sizes = torch.linalg.svdvals(stacked)
    return int((sizes > _least(sizes, stacked, eps)).sum()) == len(stacked)


def _least(sizes: Tensor, matrix: Tensor, eps: float) -> float:
    return float(sizes.max()) * max(matrix.shape) * eps if len(sizes) else 0.0
