"""How far the answer moves if no row of any layer may attend to some positions.

What stands there can then reach the answer only through its own row. (Geva et al. 2023, section 4,
who do so for some layers at a time.)
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnaudit.execution.seeds import generator_for
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.questions.answers import Answered, words_of
from attnaudit.questions.heads.make.removal import factors_without
from attnaudit.questions.heads.settings import HeadsSettings
from attnaudit.questions.maker import Record
from attnaudit.questions.reliance import movements


@torch.no_grad()
def knocked_out(
    model: AttentionModel, known: Answered, special: Tensor, settings: HeadsSettings
) -> list[Record]:
    """For each text of a batch, by what is knocked out, how far its answer moves; null for nothing.

    * `special`: all tokens that frame the text; `first`: the first token;
    * `top`: the word that the audited attention shows most of; `random`: another word, at random;
    * `words`: every word that the settings name, where there are such.
    """
    batch = known.whole
    first = torch.zeros_like(batch.mask)
    first[:, 0] = True
    top = known.on_words.argmax(1)
    pairs = [_other(known, b, int(top[b]), settings.seed) for b in range(len(batch))]
    other = torch.tensor(pairs, device=top.device)
    dropped = {
        "special": special,
        "first": first,
        "top": _at(known, top),
        "random": _at(known, other),
    }
    if settings.words:
        dropped["words"] = _named(known, {word.lower() for word in settings.words})
    scale = capability(model, "scale_heads")
    assert scale is not None
    ones = factors_without(model, (), batch.ids)
    nothing = torch.zeros_like(batch.mask)
    own = scale(batch, ones, nothing).softmax(-1)  # by the same way, so rounding moves no answer
    made: list[Record] = [{} for _ in known.instances]
    for name, gone in dropped.items():
        there = gone.any(1).tolist()
        moved = movements(scale(batch, ones, gone).softmax(-1), own)
        for record, one, known_out in zip(made, moved, there, strict=True):
            record[name] = one if known_out else None
    return made


def _other(known: Answered, b: int, top: int, seed: int) -> int:
    """Another word than the `top` one, at random; -2, which is no word, where there is none."""
    count = int(known.batch.word_counts[b])
    if count < 2:
        return -2
    drawn = int(generator_for(known.instances[b].id, seed, 1).integers(count - 1))
    return drawn + (drawn >= top)


def _at(known: Answered, words: Tensor) -> Tensor:
    """(B, T) the positions of one word of each text (B,)."""
    return known.batch.words == words.unsqueeze(1).to(known.batch.words.device)


def _named(known: Answered, wanted: set[str]) -> Tensor:
    """(B, T) the positions of all words that are `wanted`, in lower case."""
    found = torch.zeros_like(known.batch.mask)
    for b in range(len(known.instances)):
        for place, word in enumerate(words_of(known, b)):
            if word.lower() in wanted:
                found[b] |= known.batch.words[b] == place
    return found
