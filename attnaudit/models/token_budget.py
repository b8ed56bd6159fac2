"""How many tokens of a batch suit a device.

On a CPU that is a number that stays within its caches. A GPU works on many tokens at once or idles:
there it is as many as its memory holds, by what the first batch takes of it.
"""

from __future__ import annotations

import torch

from attnaudit.data.batch import Batch
from attnaudit.execution.budget import BATCH_TOKENS
from attnaudit.execution.memory import device_bytes, device_room
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches
from attnaudit.models.recurrent import differentiable

MOST = 2**16  # tokens: with more, a GPU gains little, and what the host holds of a batch grows
# Beside what a pass takes: 512 weights a token are made at once (see `questions.variants`), and
# what becomes of them on the way to an answer.
WEIGHTS = 512 * 4 * 8


def suitable_tokens(model: AttentionModel, batches: Batches) -> int:
    """The tokens of a batch that suit the device of `batches`, a power of 2 on a GPU.

    It depends on the model, the longest texts and the size of the GPU; on what is free of it only
    where that is little. So the same run gets the same number again, as a rule.
    """
    if batches.device.type != "cuda" or not len(batches):
        return BATCH_TOKENS
    longest = batches.part(len(batches) - 1)
    (batch,) = longest
    try:
        taken = device_bytes(batches.device, lambda: _pass(model, batch))
    except torch.OutOfMemoryError:
        return BATCH_TOKENS  # batches are halved where memory runs out
    total, free = device_room(batches.device)
    return most_tokens(taken / batch.ids.numel(), total, free)


def most_tokens(bytes_a_token: float, total: int, free: int) -> int:
    """The largest power of 2 that a quarter of a memory, and half of what is free, have room for.

    At least what a CPU takes, at most `MOST`. `bytes_a_token` are those of a pass, `total` and
    `free` those of the memory.
    """
    room = min(total / 4, free / 2) / (bytes_a_token + WEIGHTS)
    tokens = BATCH_TOKENS
    while 2 * tokens <= min(room, MOST):
        tokens *= 2
    return tokens


def _pass(model: AttentionModel, batch: Batch) -> None:
    """What takes most memory of all that audits do: a gradient through the whole model."""
    with torch.enable_grad():
        leaf = model.embed(batch).detach().requires_grad_()
        with differentiable(model):
            encoded = model.encode(batch, leaf)
        logits = model.read(encoded, model.attend(encoded).unsqueeze(1))
        if logits.requires_grad:
            torch.autograd.grad(logits.sum(), leaf, allow_unused=True)
