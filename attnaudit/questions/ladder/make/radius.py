"""How far a word is from its nearest neighbour in a table of embeddings: this tool's own measure.

The distance gives the balls of two rungs a size that means something in any model: within a small
share of it a word stays nearer to itself than to any other word.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

WORDS = 1024  # whose nearest neighbours are looked for: every k-th of the table
_AT_ONCE = 1 << 24  # numbers held at once


@dataclass(frozen=True)
class Spacing:
    """The median distance (L2) of a word to its nearest neighbour, and the median length."""

    distance: float
    length: float

    @property
    def share(self) -> float:
        """The distance as a share of the length; 0 for a table of nothing but zeros."""
        return self.distance / self.length if self.length else 0.0


@torch.no_grad()
def spacing(table: Tensor) -> Spacing:
    """The spacing of a table (words, D); rows of zeros, such as that of padding, are no words.

    Of a large table the distances are those of 1,024 words, spread evenly over it, to all others.
    """
    words = table.detach().float()
    words = words[words.abs().sum(1) > 0]  # (N, D)
    count = len(words)
    if count < 2:
        return Spacing(0.0, float(words.norm(dim=1).sum()))
    chosen = torch.arange(count, device=words.device)
    if count > WORDS:
        chosen = torch.arange(WORDS, device=words.device) * count // WORDS
    squares = words.square().sum(1)
    found = []
    for some in torch.split(chosen, max(1, _AT_ONCE // count)):
        # Up to what all have in common; the distance itself is then taken without cancellation.
        apart = squares - 2 * words[some] @ words.T  # (some, N)
        apart[torch.arange(len(some), device=words.device), some] = torch.inf
        found.append((words[some] - words[apart.argmin(1)]).norm(dim=1))
    return Spacing(float(torch.cat(found).median()), float(words.norm(dim=1).median()))
