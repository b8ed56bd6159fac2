"""A random ranking: the floor that every agreement is read against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attnaudit.importance.importance import Importance, Request

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes


def _random(request: Request) -> Tensor:
    import torch

    alpha, counts = request.alpha, request.batch.host.word_counts
    ranks = torch.arange(1, alpha.shape[1] + 1)
    ranking = (ranks * (ranks <= counts.unsqueeze(1))).to(alpha.dtype)  # (B, W), on the host
    return shuffled(ranking, counts, request.ids, (request.seed, 1))


def shuffled(values: Tensor, counts: Tensor, ids: Sequence[str], seeds: tuple[int, int]) -> Tensor:
    """Each row's first `counts` values in an order that its id and the seeds decide: (B, W).

    `counts` (B,) lie on the host, wherever the values do.
    """
    import torch

    from attnaudit.data.transfer import sent
    from attnaudit.execution.seeds import generator_for

    order = torch.arange(values.shape[1]).repeat(len(ids), 1)
    for row, (name, n) in enumerate(zip(ids, counts.tolist(), strict=True)):
        order[row, :n] = torch.from_numpy(generator_for(name, *seeds).permutation(n))
    return values.gather(1, sent(order, values.device))


def _no_work(model: AttentionModel, texts: Texts) -> Mapping[str, Passes]:
    return {}


FAMILY = (
    Importance(
        name="random",
        definition="A random ranking: the floor that every agreement is compared with.",
        formula="a random permutation of 1 .. n for a text of n words, drawn by its id and the"
        " seed",
        source="the usual control of agreements",
        traps="In short texts a random ranking often agrees by chance: in texts of two words, "
        "half the time.",
        compute=_random,
        work=_no_work,
        control=True,
    ),
)
