"""What contributions compute; what they mean stands in `decomposition`.

`parts` says how a value is followed in parts, one for each position and the rest.

Letters in shape comments: B batch, T tokens, P parts (T + 1), C classes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.errors import InputError
from attnaudit.models.interface import capability
from attnaudit.models.tracing import UntraceableError, trace
from attnaudit.readings.parts import MixedError, taken_apart
from attnaudit.readings.seen import Seen

Array = NDArray[np.float64]


def contributions(seen: Seen) -> tuple[Tensor, Tensor]:
    """(B, T) what each position puts into the score of the target class, and (B,) the rest.

    The score is the logit of the class less the mean of the other logits; both add up to it.

    Raises InputError where what lies above the attention cannot be taken apart.
    """
    parts = torch.zeros(seen.batch.ids.shape, dtype=torch.float64)
    rest = torch.zeros(len(seen.batch), dtype=torch.float64)
    for b, target in enumerate(seen.target.tolist()):
        logits = _of_text(seen, b)  # (P, C)
        others = np.delete(logits, target, axis=1).mean(1)
        score = torch.from_numpy(logits[:, target] - others)
        parts[b, : len(score) - 1], rest[b] = score[:-1], score[-1]
    return parts, rest


def _of_text(seen: Seen, b: int) -> Array:
    """(P, C) the parts of the logits of one text."""
    model = seen.model
    batch = seen.batch.select(torch.tensor([b], device=seen.batch.ids.device))
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded).unsqueeze(1)  # (1, 1, H, T)
        token_logits = capability(model, "token_logits")

        def read(weights: Tensor) -> Tensor:
            if token_logits is None:
                return model.read(encoded, weights)
            per_token, bias = token_logits(encoded)
            answered: Tensor = weights.squeeze(2) @ per_token + bias
            return answered

        try:
            program = trace(read, alpha)
            found = taken_apart(program, alpha.cpu().double().numpy())
        except (UntraceableError, MixedError) as error:
            raise InputError(
                "--reading contributions: what lies above the attention of this model cannot be"
                f" written as a sum over words: {error}",
                hint="`attnaudit explain contributions` says what the model must be like",
            ) from None
    return found[:, 0, 0]
