"""How far a word is from its nearest neighbour in a table of embeddings: this tool's own measure.

It gives the balls of words a size that means something in any model: within less than half of it a
word stays nearer to itself than to any other word.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from attnaudit.models.interface import AttentionModel

WORDS = 1024  # whose nearest neighbours are looked for: every k-th of the table
_AT_ONCE = 1 << 24  # numbers held at once
_KNOWN: WeakKeyDictionary[AttentionModel, float | None] = WeakKeyDictionary()


def spacing_of(model: AttentionModel) -> float | None:
    """The spacing of a model's words, found once; None where its table is not at hand."""
    if model not in _KNOWN:
        table = model.embedding_table()
        _KNOWN[model] = None if table is None else spacing(table)
    return _KNOWN[model]


@torch.no_grad()
def spacing(table: Tensor) -> float:
    """The median distance (L2) of a word to its nearest neighbour in a table (words, D).

    Rows of zeros, such as that of padding, are no words. Of a large table the distances are those
    of 1,024 words, spread evenly over it, to all others. It is 0 for fewer than two words.
    """
    words = table.detach().float()
    words = words[words.abs().sum(1) > 0]  # (N, D)
    count = len(words)
    if count < 2:
        return 0.0
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
    return float(torch.cat(found).median())
