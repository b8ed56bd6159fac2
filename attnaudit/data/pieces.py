"""The pieces of a pretrained tokenizer: their ids, and the special tokens around texts and pairs.

What stands around a text is read off the tokenizer itself, which encodes one and leaves the other
out: no model family is named here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from attnaudit.data.settings import TEXT_FIRST, Order
from attnaudit.data.vocabulary import Counts, Row, Sides, Vocabulary

if TYPE_CHECKING:
    import tokenizers


@dataclass(frozen=True)
class Frame:
    """The special tokens before a text or a pair, between the sides of a pair, and at the end.

    `types` are the segments of: before, the first side, between, the second side, after.
    """

    before: tuple[int, ...] = ()
    between: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    types: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)

    @property
    def size(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)


class Pieces(Vocabulary):
    """The ids that a pretrained model knows, and how it frames what it reads.

    A text and its query stand in one sequence. `mask` is the id of the mask token, None where there
    is none. `segments` says whether the tokenizer tells the model which segment a piece is of, and
    `order` which side of a pair it is given first.
    """

    def __init__(
        self,
        ids: Mapping[str, int],
        single: Frame,
        pair: Frame,
        pad: int,
        unknown: int,
        mask: int | None = None,
        segments: bool = True,
    ) -> None:
        by_id = sorted(ids.items(), key=lambda item: item[1])
        super().__init__([piece for piece, _ in by_id])
        self._ids = dict(ids)
        self.single, self.pair = single, pair
        self.pad, self.unknown, self.mask, self.segments = pad, unknown, mask, segments
        self.order: Order = TEXT_FIRST

    @property
    def framing(self) -> frozenset[int]:
        """The ids around and between texts, and that of padding."""
        frames = (self.single, self.pair)
        around = {i for f in frames for part in (f.before, f.between, f.after) for i in part}
        return frozenset(around | {self.pad})

    @classmethod
    def of(
        cls,
        tokeniser: tokenizers.Tokenizer,
        pad: int,
        unknown: int,
        mask: int | None,
        segments: bool = True,
    ) -> Pieces:
        """What `tokeniser` does; ValueError where it does not frame pairs as one sequence."""
        single, pair = (_frame(tokeniser, paired) for paired in (False, True))
        ids = tokeniser.get_vocab(with_added_tokens=True)
        return cls(ids, single, pair, pad, unknown, mask, segments)

    def ordered(self, order: Order | None) -> Pieces:
        """The same pieces, with pairs in that order; None: the text first."""
        made = copy.copy(self)
        made.order = order or TEXT_FIRST
        return made

    def framed(self, single: Frame, pair: Frame) -> Pieces:
        """The same pieces with something else around a text and around a pair."""
        made = copy.copy(self)
        made.single, made.pair = single, pair
        return made

    @override
    def __len__(self) -> int:
        return 1 + max(self._ids.values())

    @override
    def same_as(self, other: Vocabulary) -> bool:
        if not isinstance(other, Pieces):
            return False
        mine, theirs = (
            (p._ids, p.single, p.pair, p.pad, p.unknown, p.segments, p.order) for p in (self, other)
        )
        return mine == theirs

    @override
    def ids(self, tokens: Sequence[str]) -> list[int]:
        return [self._ids.get(token, self.unknown) for token in tokens]

    @override
    def row(self, text: Sequence[str], query: Sequence[str] | None, boundaries: bool) -> Row:
        frame = self.single if query is None else self.pair
        sides = [self.ids(text), self.ids(query or ())]
        turned = query is not None and self.order != TEXT_FIRST
        first, second = reversed(sides) if turned else sides
        parts = (frame.before, first, frame.between, second, frame.after)
        start = sum(map(len, parts[:3])) if turned else len(frame.before)
        types = [kind for part, kind in zip(parts, frame.types, strict=True) for _ in part]
        ids = [i for part in parts for i in part]
        return Row(ids, start, types if self.segments else None, None)

    @override
    def lengths(self, texts: Counts, queries: Counts | None, boundaries: bool) -> Sides:
        """See `Vocabulary.lengths`: here a query is part of the row."""
        frame = self.single if queries is None else self.pair
        return texts + (0 if queries is None else queries) + frame.size, np.zeros_like(texts)


def _frame(tokeniser: tokenizers.Tokenizer, paired: bool) -> Frame:
    """What the tokenizer puts around a text, or around a text and a query."""
    encoded = tokeniser.encode("a", "a" if paired else None, add_special_tokens=True)
    sides = encoded.sequence_ids  # 0 the text, 1 the query, None what frames them
    first = sides.index(0)
    last = max(i for i, side in enumerate(sides) if side == 0)
    begin = sides.index(1) if paired else last + 1
    end = max(i for i, side in enumerate(sides) if side == 1) if paired else last
    ids, types = encoded.ids, encoded.type_ids

    def kind(start: int, stop: int) -> int:
        return types[start] if start < stop else 0

    return Frame(
        tuple(ids[:first]),
        tuple(ids[last + 1 : begin]) if paired else (),
        tuple(ids[end + 1 :]),
        (
            kind(0, first),
            types[first],
            kind(last + 1, begin),
            types[end] if paired else 0,
            kind(end + 1, len(ids)),
        ),
    )
