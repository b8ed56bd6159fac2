"""Leave-one-out: how far the answer moves when a word is deleted, or hidden by a mask token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attnaudit.importance.importance import Importance, Request

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes

# Deletions that share work keep little, and long texts pay for each call: more may go at a time.
DELETION_BATCHES = 16


def _deleted(request: Request) -> Tensor:
    from attnaudit.importance.deletion_passes import leave_one_out
    from attnaudit.models.interface import capability

    shares = capability(request.model, "encode_deletions")
    room = request.budget * (DELETION_BATCHES if shares else 1)
    found = leave_one_out(request.model, request.batch, request.probs, room, request.target)
    return request.without_sign("leave_one_out", found)


def _masked(request: Request) -> Tensor:
    from attnaudit.importance.deletion_passes import leave_one_out_mask

    hidden = request.model.mask_token
    assert hidden is not None  # `needs` has seen to it
    found = leave_one_out_mask(
        request.model, request.batch, request.probs, request.budget, hidden, request.target
    )
    return request.without_sign("leave_one_out_mask", found)


def _no_mask(model: AttentionModel) -> str | None:
    if model.mask_token is not None:
        return None
    return (
        "leave_one_out_mask replaces words by a mask token, and the model has none; "
        "leave_one_out deletes words"
    )


def _each_word(name: str, texts: Texts) -> Mapping[str, Passes]:
    from attnaudit.models.passes import answering

    return {name: answering(int(texts.words.sum()))}


FAMILY = (
    Importance(
        name="leave_one_out",
        definition="How far the answer moves when the word is deleted, as a total variation"
        " distance.",
        formula="TVD(p(x without word w), p(x)), in [0, 1]; token ids are deleted, all those of a"
        " word together",
        source="Jain & Wallace 2019, section 4.1",
        traps="A text without one of its words may be unlike all texts that the model was "
        "trained on. If two words say the same, neither of them seems to matter.",
        compute=_deleted,
        work=lambda model, texts: _each_word("deletions", texts),
    ),
    Importance(
        name="leave_one_out_mask",
        definition="How far the answer moves when the model's mask token replaces the word, as a "
        "total variation distance.",
        formula="TVD(p(x with word w masked), p(x)), in [0, 1]; all its tokens are replaced",
        source="the variant of leave_one_out for models that were trained with a mask token",
        traps="A fine-tuned classifier may never have seen a mask token. If two words say the "
        "same, neither of them seems to matter.",
        compute=_masked,
        work=lambda model, texts: _each_word("masked words", texts),
        needs=_no_mask,
    ),
)
