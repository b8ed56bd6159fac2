"""The field's search for adversarial attention: Jain & Wallace 2019, section 4.2.2, batched.

Adam (amsgrad, learning rate .01) takes 500 steps over the logits z_1 .. z_k of k alternatives and
minimises

    sum_i [ -JSD(softmax z_i, alpha) + 500 max(0, TVD_i - epsilon) ]
        - diversity * 1/k^2 sum_{i,j} JSD(softmax z_i, softmax z_j)

from a start at log uniform plus normal noise of standard deviation 3. The last term is the authors'
code's, over all ordered pairs and the zero diagonal; the 1/(k (k-1)) sum_{i<j} of the paper is
smaller. TVD is 1/2 L1, so for more than two classes the bound is twice as wide as in their code,
which sums |difference|. One epsilon serves the search and the check after it, where their code
searches at .01 and accepts .05.

The penalty makes no answer feasible by itself: what comes out is checked, and an alternative whose
answer moved too far is left out. It is a lower bound, kept for comparison with the literature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.execution.seeds import generator_for
from attnaudit.models.distances import jsd, tvd
from attnaudit.models.interface import masked_softmax
from attnaudit.questions.instance_adversary.make.detached import Detached

Array = NDArray[np.float64]
RATE = 0.01
PENALTY = 500.0
NOISE = 3.0


@dataclass(frozen=True)
class Relaxed:
    """How to search: `alternatives` at once, `restarts` times."""

    alternatives: int = 5
    steps: int = 500
    diversity: float = 1.0
    restarts: int = 1


def relaxed_search(
    detached: Detached, epsilon: float, how: Relaxed, ids: Sequence[str], seed: int
) -> Array:
    """Where the search ends: (B, restarts * alternatives, H, T), not checked.

    The start of an instance depends on its id and the seed, whatever batch it is in.
    """
    content = detached.encoded.content[:, None, None, None]  # (B, 1, 1, 1, T)
    alpha = detached.alpha
    noise = torch.stack(
        [_noise(detached.content[b], how, alpha.shape[1], name, seed) for b, name in enumerate(ids)]
    )
    z = (NOISE * noise.to(alpha)).requires_grad_()  # (B, N, K, H, T); log uniform is a constant
    own = torch.from_numpy(detached.own).to(alpha).unsqueeze(1)  # (B, 1, H, T)
    with torch.no_grad():
        answer = detached.read(own).softmax(-1)  # (B, 1, C)
        base = detached.show(own)  # (B, 1, T)
    optimiser = torch.optim.Adam([z], lr=RATE, amsgrad=True)
    with torch.enable_grad():
        for _ in range(how.steps):
            weights = masked_softmax(z, content)
            flat = weights.flatten(1, 2)  # (B, N*K, H, T)
            moved = tvd(detached.read(flat).softmax(-1), answer)  # (B, N*K)
            shown = detached.show(flat)  # (B, N*K, T)
            loss = (PENALTY * (moved - epsilon).relu() - jsd(shown, base)).sum()
            if how.diversity and how.alternatives > 1:
                loss = loss - how.diversity * _diversity(shown.view(*z.shape[:3], -1))
            (z.grad,) = torch.autograd.grad(loss, z)  # of the weights alone, not of the model
            optimiser.step()
    with torch.no_grad():
        found = masked_softmax(z, content).flatten(1, 2).cpu().double()
    normalised: Array = (found / found.sum(-1, keepdim=True)).numpy()
    return normalised


def _noise(content: NDArray[np.bool_], how: Relaxed, heads: int, name: str, seed: int) -> Tensor:
    """Normal numbers (N, K, H, T) at the content of an instance, 0 elsewhere."""
    shape = (how.restarts, how.alternatives, heads)
    noise = np.zeros((*shape, len(content)))
    noise[..., content] = generator_for(name, seed).standard_normal((*shape, int(content.sum())))
    return torch.from_numpy(noise)


def _diversity(shown: Tensor) -> Tensor:
    """Mean divergence over all ordered pairs of K alternatives (B, N, K, T), summed over B, N."""
    count = shown.shape[2]
    pairs = torch.triu_indices(count, count, 1, device=shown.device)
    return 2 * jsd(shown[:, :, pairs[0]], shown[:, :, pairs[1]]).sum() / count**2
