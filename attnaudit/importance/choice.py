"""Which importance measures are computed for a model: those asked for, or those that suit it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.asked import check_measures
from attnaudit.models.interface import AttentionModel, capability

MASKING = ("leave_one_out_mask",)  # which need a mask token
PER_TOKEN = ("gradient_own_logit", "attention_null")  # one backward pass a token, if not shared


@dataclass(frozen=True)
class Choice:
    """The `measures`, and those `left_out` because nobody asked for them and they would be slow."""

    measures: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def choose(asked: Sequence[str] | None, model: AttentionModel) -> Choice:
    """The measures for `model`: those `asked` for or, by default, all that it gives readily.

    Without a mask token no word can be masked; without `encode_locally` the gradient of each
    token's own logit is a backward pass of its own.

    Raises:
        InputError: A measure is asked for that is unknown, or that the model cannot give.
    """
    impossible = MASKING if model.mask_token is None else ()
    if asked is not None:
        measures = check_measures(asked)
        for name in measures:
            if name in impossible:
                raise InputError(
                    f"the model has no mask token, which {name} puts in place of words",
                    hint="leave_one_out deletes them",
                )
        return Choice(measures)
    slow = () if capability(model, "encode_locally") else PER_TOKEN
    measures = tuple(name for name in IMPORTANCES if name not in (*impossible, *slow))
    return Choice(measures, slow)
