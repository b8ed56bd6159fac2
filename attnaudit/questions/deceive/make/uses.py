"""What a model does with impermissible words: how it attends to them, and answers without them.

Letters in shape comments: B batch, H heads, T tokens, N deletions of any texts, C classes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.deception import Marked, on_marked
from attnaudit.models.distances import tvd
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.questions.answers import Answered
from attnaudit.questions.maker import Record
from attnaudit.questions.variants import answers, erased, zeroed
from attnaudit.records.rounding import compact


def asker(
    marked: Marked, others: Marked, budget: int
) -> Callable[[AttentionModel, Answered], list[Record]]:
    """What gives the part `impermissible` of the records of a batch.

    `marked` are the impermissible words and `others` as many other words; a call takes at most
    `budget` tokens where it can be that small.
    """

    @torch.no_grad()
    def ask(model: AttentionModel, known: Answered) -> list[Record]:
        whole, encoded, alpha = known.whole, known.encoded, known.alpha
        ours, theirs = marked(whole), others(whole)  # (B, T)
        having = ours.any(1).nonzero().flatten()
        made: list[Record] = [{} for _ in known.instances]
        if not len(having):
            return made
        mass = on_marked(alpha, ours)  # (B, H)
        gone = ours.unsqueeze(1)  # (B, 1, T)
        entries = encoded.content
        weights = [change(alpha, entries, gone) for change in (zeroed, erased)]
        without = answers(model, encoded, torch.cat(weights, dim=1))  # (B, 2, C)
        some = whole.select(having)
        deleted, other = (
            _answers(model, some.keep(~words[having][:, : some.ids.shape[1]]))
            for words in (ours, theirs)
        )
        norms = _norms(model, known, ours)
        for k, b in enumerate(having.tolist()):
            found: Record = {
                "count": len(_numbers_of(whole, ours, b)),
                "mass": _numbers(mass[b]),
                "deleted": _numbers(deleted[k]),
                "other_deleted": _numbers(other[k]),
                "zeroed": _numbers(without[b, 0]),
                "renormalised": _numbers(without[b, 1]),
                "norms": norms[b],
            }
            made[b]["impermissible"] = found
        for name, words in (("left_out", ours), ("other_left_out", theirs)):
            moved = _left_out(model, known, words, budget)
            for b, each in zip(having.tolist(), moved, strict=True):
                made[b]["impermissible"][name] = each
        return made

    return ask


def _answers(model: AttentionModel, batch: Batch) -> Tensor:
    """(B, C) what the model answers."""
    encoded = model.encode(batch)
    probs: Tensor = model.read(encoded, model.attend(encoded).unsqueeze(1)).squeeze(1).softmax(-1)
    return probs


def _left_out(
    model: AttentionModel, known: Answered, words: Tensor, budget: int
) -> list[list[float | None]]:
    """For each text with `words` (B, T), the TVD of its answer without each of them alone."""
    whole = known.whole
    pairs = [(b, word) for b in range(len(words)) for word in _numbers_of(whole, words, b)]
    rows, numbers = (torch.tensor(each, device=words.device) for each in zip(*pairs, strict=True))
    size = max(1, budget // whole.ids.shape[1])
    moved = []
    for part in torch.split(torch.arange(len(rows), device=words.device), size):
        copies = whole.select(rows[part])
        shorter = copies.keep(copies.words != numbers[part].unsqueeze(1))
        moved.append(tvd(_answers(model, shorter), known.probs[rows[part]]))
    figures = torch.cat(moved)  # (N,)
    return [_numbers(figures[rows == b]) for b in dict.fromkeys(b for b, _ in pairs)]


def _numbers_of(whole: Batch, words: Tensor, b: int) -> list[int]:
    """The numbers of the words of text `b` that stand at `words` (B, T), ascending."""
    return sorted(set(whole.words[b][words[b]].tolist()))


def _norms(model: AttentionModel, known: Answered, marked: Tensor) -> list[Record]:
    """The share of the marked positions (B, T) among all: their number, and what has a norm."""
    content = known.whole.content
    shares = {
        "places": _share(content.float(), content, marked),
        "embedding": _share(model.embed(known.whole).norm(dim=-1), content, marked),
    }
    if values := capability(model, "values"):
        vectors = values(known.encoded).vectors  # (B, H, T, D)
        shares["value"] = _share(vectors.norm(dim=-1).sum(1), content, marked)
    columns = {name: _numbers(share) for name, share in shares.items()}
    return [{name: each[b] for name, each in columns.items()} for b in range(len(marked))]


def _share(norms: Tensor, content: Tensor, marked: Tensor) -> Tensor:
    """(B,) the share of `norms` (B, T) that lies on marked positions, of those of the content."""
    inside = norms.float() * content
    return (inside * marked).sum(1) / inside.sum(1).clamp_min(torch.finfo(inside.dtype).tiny)


def _numbers(values: Tensor) -> list[float | None]:
    return compact(values.float().cpu().numpy())
