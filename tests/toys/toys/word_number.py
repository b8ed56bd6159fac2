"""An importance: the number of the word."""

from __future__ import annotations

from attnaudit.importance.importance import Importance


def _compute(request):
    import torch

    numbers = torch.arange(request.alpha.shape[1], device=request.alpha.device) + 1.0
    return numbers * (numbers <= request.batch.word_counts.unsqueeze(1))  # (B, W)


IMPORTANCE = Importance(
    name="word_number",
    definition="The number of the word in its text.",
    formula="w",
    source="made for the tests",
    traps="Later words need not matter more.",
    compute=_compute,
    work=lambda model, texts: {},
)
