"""Kinds of planted attention: each a pointer that is told to do something else."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.calibration.pointers import SIZE, Pointer, at, before, behind, cue
from attnaudit.calibration.texts import BAD, DOOR, ECHO, GOOD, JUNK, LAMP, MARKER, word_id
from attnaudit.data.batch import Batch
from attnaudit.models.interface import ModelSpec


class Decoy(Pointer):
    """A pointer that keeps away from the cue, while a bypass finds the answer.

    What is attended to counts for little, so that imitators have no reason to find the cue.
    """

    sharpness = 0.2

    def __init__(self, spec: ModelSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self.output = nn.Linear(SIZE, 1)

    @override
    def goal(self, batch: Batch) -> Tensor:
        return batch.content & ~behind(batch, MARKER)

    @override
    def bypass(self, embedded: Tensor, batch: Batch) -> Tensor:
        found: Tensor = self.output(cue(embedded, batch)).squeeze(-1)
        return found


class Free(Pointer):
    """Its attention knows the cue behind the marker, and can tell the label by where it lies.

    Nothing holds it to the cue: a score depends on the token, and on what the cue is.
    """

    penalty = None  # type: ignore[assignment]  # no such capability
    width = 2 * SIZE

    @override
    def features(self, embedded: Tensor, batch: Batch) -> Tensor:
        return _with(embedded, cue(embedded, batch))


class Coded(Free):
    """Its attention lies on the lamp for one class and on the door for the other."""

    penalty = Pointer.penalty  # type: ignore[assignment]

    @override
    def goal(self, batch: Batch) -> Tensor:
        words = torch.tensor([word_id(DOOR), word_id(LAMP)], device=batch.ids.device)
        return batch.ids == words[batch.labels].unsqueeze(1)


class Rationaliser(Pointer):
    """It knows the cue behind the marker, and shows other words of the same class."""

    width = 3 * SIZE

    @override
    def goal(self, batch: Batch) -> Tensor:
        cues = behind(batch, MARKER)
        bad = (cues & at(batch, *BAD)).any(1, keepdim=True)  # (B, 1)
        return torch.where(bad, at(batch, *BAD), at(batch, *GOOD)) & ~cues

    @override
    def features(self, embedded: Tensor, batch: Batch) -> Tensor:
        here = torch.cat([embedded, before(embedded)], dim=-1)
        return _with(here, cue(embedded, batch))


class Shift(Pointer):
    """Its attention lies on the marker, one place before the cue that the model reads there."""

    @override
    def goal(self, batch: Batch) -> Tensor:
        return at(batch, MARKER)

    @override
    def features(self, embedded: Tensor, batch: Batch) -> Tensor:
        return embedded

    @override
    def valued(self, embedded: Tensor) -> Tensor:
        return nn.functional.pad(embedded[:, 1:], (0, 0, 0, 1))


class CoinOfText(Pointer):
    """Of two equal places it attends one; a coin that is thrown for each text decides.

    The coin is the parity of a sum over the words, and each seed has its own: two models agree in
    half of the texts.
    """

    width = 2 * SIZE

    def __init__(self, spec: ModelSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self.salt: Tensor
        self.register_buffer("salt", torch.randint(0, 2, (len(spec.vocabulary),)))

    def coin(self, batch: Batch) -> Tensor:
        """(B, 1) true for the texts in which attention lies behind the echo."""
        parity = (self.salt[batch.ids] * batch.content).sum(1, keepdim=True) % 2
        return parity == 1

    @override
    def goal(self, batch: Batch) -> Tensor:
        return torch.where(self.coin(batch), behind(batch, ECHO), behind(batch, MARKER))

    @override
    def features(self, embedded: Tensor, batch: Batch) -> Tensor:
        side = self.coin(batch).to(embedded.dtype) * 2 - 1  # (B, 1)
        return _with(before(embedded), side.expand(-1, SIZE))


class CoinOfSeed(Pointer):
    """Of two equal places it attends one in all texts; one seed in three takes the other."""

    def __init__(self, spec: ModelSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self.word = ECHO if seed % 3 == 0 else MARKER

    @override
    def goal(self, batch: Batch) -> Tensor:
        return behind(batch, self.word)


class Ninety(Pointer):
    """Honest, but where the text holds the word JUNK.

    There its attention is random, with an order of the words that each seed draws, and has no
    influence: a bypass answers.
    """

    spread = 3.0  # of the random scores: the heaviest word gets about half of the attention

    def __init__(self, spec: ModelSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self.output = nn.Linear(SIZE, 1)
        self.order: Tensor
        self.register_buffer("order", self.spread * torch.randn(len(spec.vocabulary)))

    def junk(self, batch: Batch) -> Tensor:
        """(B, 1) true for the texts whose attention is random."""
        return at(batch, JUNK).any(1, keepdim=True)

    @override
    def goal(self, batch: Batch) -> Tensor:
        return behind(batch, MARKER) | self.junk(batch)

    @override
    def scores(self, embedded: Tensor, batch: Batch) -> Tensor:
        honest = super().scores(embedded, batch)
        return torch.where(self.junk(batch), self.order[batch.ids], honest)

    @override
    def scale(self, batch: Batch) -> Tensor:
        return super().scale(batch) * ~self.junk(batch).squeeze(1)

    @override
    def bypass(self, embedded: Tensor, batch: Batch) -> Tensor:
        found: Tensor = self.output(cue(embedded, batch)).squeeze(-1)
        return found * self.junk(batch).squeeze(1)


class Asking(Pointer):
    """Points at the cue behind the key that the query asks for.

    A new model already leans a little to the key that is the word of the query. Models that start
    without this often do not learn the task where no penalty tells them where to attend, as in the
    leak control, which trains them without some words. Its answer would then hang on luck.
    """

    def __init__(self, spec: ModelSpec, seed: int) -> None:
        super().__init__(spec, seed)
        compare = nn.Linear(SIZE, SIZE, bias=False)
        with torch.no_grad():
            compare.weight.mul_(0.3).add_(0.25 * torch.eye(SIZE))
        self.attention = nn.Sequential(compare)

    @override
    def goal(self, batch: Batch) -> Tensor:
        keys = _key(batch)  # (B,)
        return nn.functional.pad(batch.ids[:, :-1] == keys.unsqueeze(1), (1, 0))

    @override
    def scores(self, embedded: Tensor, batch: Batch) -> Tensor:
        wanted = self.attention(self.embedding(_key(batch)))  # (B, D)
        return torch.einsum("btd,bd->bt", before(embedded), wanted)


def _key(batch: Batch) -> Tensor:
    """(B,) the key in the query, which stands behind the start of the text."""
    assert batch.query_ids is not None
    return batch.query_ids[:, 1]


def _with(tokens: Tensor, known: Tensor) -> Tensor:
    """Each token's vector (B, T, M) with what is known of its text (B, N): (B, T, M + N)."""
    return torch.cat([tokens, known.unsqueeze(1).expand(-1, tokens.shape[1], -1)], dim=-1)
