"""Encoder-decoders that classify: two kinds of attention at the row that the head reads.

Such a network reads a text twice. Its encoder reads all of it at once. Its decoder reads the same
text once more, one position behind: position p holds the token before the p-th, and position 0 a
start token. The classification head takes the decoder's state at the last end token. In the last
layer of the decoder this row attends twice:

* *self*: to the decoder's own tokens, from the start token to the last word. This is the default
  site. It is what every other classifier is audited at, the attention of the row that is read over
  the sequence in which it stands, so that the reports mean the same;
* *cross*: to the tokens of the encoder. It comes after *self* in the same layer.

An audit changes one of them. The other one is *held*: nobody changes its weights, and the model's
own code computes it from whatever comes in. Where *cross* is changed, *self* has been computed
before, and stays what it was. Where *self* is changed, the query of *cross* is another one, so that
*cross* may attend to something else as well. That is part of the answer to the question what the
model would have said, had it attended differently here: like the layers above, *cross* is a
consequence. Were its old weights kept, two things would be changed at once, and no run of the model
gives such an answer. What the row reads of the text by the other kind it reads still: an answer
that stays may rest on that.

What an explanation is about are the words of the text, at either site. At *cross* they stand where
the encoder has them. At *self* the token that the decoder holds one position later stands for each
of them, and the start token has the place of the last end token, which the row does not see.
Deleting a word deletes it on both sides. So does a gradient count both: the word enters by the same
embedding into the encoder and into the decoder; the start token is no word, and is left as it is.

Letters in shape comments: B batch, V variants, H heads, T tokens, C classes, D dimensions.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.errors import InputError, ModelError
from attnaudit.models.interface import AttentionModel, Encoded, Values
from attnaudit.models.transformer.anatomy import Anatomy, rows_of, study
from attnaudit.models.transformer.calls import Call, wide
from attnaudit.models.transformer.classifier import (
    ROWS_ELSEWHERE,
    ReachedError,
    Row,
    TransformerClassifier,
    evened,
)
from attnaudit.models.transformer.interception import Call as InterfaceCall
from attnaudit.models.transformer.interception import (
    Interface,
    forwarding,
    hidden,
    with_hidden,
)
from attnaudit.models.transformer.quiet import quiet

SELF, CROSS = "self", "cross"


def end_of(config: Any) -> int | None:
    """The id at the end of a text, by which an encoder-decoder finds its row.

    None for any other network, and for one that names no such id.
    """
    if not getattr(config, "is_encoder_decoder", False):
        return None
    end = getattr(config, "eos_token_id", None)
    return end if isinstance(end, int) else None


@dataclass(frozen=True)
class DecoderRow(Row):
    """What the audited row reads, and the other attentions of its block.

    `before` (B, 1, H, D) is what each earlier one gave the row, `after` the calls of later ones.
    """

    before: tuple[Tensor, ...]
    after: tuple[InterfaceCall, ...]


class EncoderDecoder(TransformerClassifier):
    """`network` is an encoder-decoder of transformers that classifies; it is audited at `kind`."""

    kind = SELF
    # What these show is one stack of layers, each with one attention.
    trace = scale_heads = layer_states = None  # type: ignore[assignment]
    joins = without_values = attention_graph = parted = None  # type: ignore[assignment]
    paths = replaced = states = word_vectors = None  # type: ignore[assignment]

    def __init__(self, network: nn.Module, example: Batch, mask_token: int | None = None) -> None:
        """See `TransformerClassifier`; the texts of `example` end with the network's end token."""
        super().__init__(network, example, mask_token)
        self.layer_count = None  # its layers make no map of layers and heads

    @override
    def _study(self) -> Anatomy:
        if not isinstance(self.seam, Interface):
            raise ModelError(
                "is an encoder-decoder whose attention does not go through the attention interface"
                " of transformers",
                hint="wrap it as package.module:factory",
            )
        self._end = end_of(self.network.config)
        self._lookups = self._tables()
        found = study(self.network, self.seam, self, self._example, self._pad, self._end)
        if found.row == "every":
            raise ModelError("is an encoder-decoder whose classification head pools all rows")
        self._elsewhere = self._averaged_elsewhere(found)
        return self._at(SELF, found)

    @override
    def _check_reading(self) -> None:
        super()._check_reading()
        if self.kind == SELF:
            rows = self._rows(self._example).unsqueeze(1)
            places = torch.arange(self._example.ids.shape[1], device=rows.device)
            if bool((self.encode(self._example).attendable & (places > rows)).any()):
                raise ModelError("its decoder sees what comes later in a text")

    def other_site(self, name: str) -> EncoderDecoder:
        """See `AttentionModel`: *self* or *cross*."""
        if name not in (SELF, CROSS):
            raise InputError(
                f"the model has no attention {name!r}", hint=f"it has {SELF} and {CROSS}"
            )
        if name == self.kind:
            return self
        made = copy.copy(self)
        made.anatomy = made._at(name, self.anatomy)
        made._check_reading()
        return made

    def _at(self, kind: str, anatomy: Anatomy) -> Anatomy:
        """The anatomy with the last call of a kind audited, in the last layer of the decoder."""
        layers, last = self._layers_of_decoder(anatomy), len(anatomy.blocks) - 1
        own = [
            number
            for number, call in enumerate(anatomy.calls)
            if call.run == last and self._elsewhere[number] == (kind == CROSS)
        ]
        if last not in layers or not own:
            raise ModelError(
                "is an encoder-decoder whose last layer does not attend to its own tokens and to"
                " the encoder's apart, so that there is no attention over either to audit"
            )
        self.kind = kind
        self.site = (
            f"layer {len(layers)} of {len(layers)} of the decoder, {kind}-attention, the row of"
            " the end token"
        )
        return replace(anatomy, audited=own[-1])

    def _layers_of_decoder(self, anatomy: Anatomy) -> set[int]:
        """The numbers of the block runs that average what comes from elsewhere."""
        calls = zip(anatomy.calls, self._elsewhere, strict=True)
        return {call.run for call, elsewhere in calls if elsewhere}

    def _tables(self) -> tuple[nn.Module, nn.Module]:
        """The modules that look words up for the encoder and for the decoder.

        Raises ModelError where the decoder does not read the same text, one position behind, by
        the same embeddings.
        """
        weight: Any = self.network.get_input_embeddings().weight  # type: ignore[operator]
        found: list[tuple[nn.Module, Tensor]] = []

        def looked_up(module: nn.Module, args: Any) -> None:
            found.append((module, args[0]))

        same = [m for m in self.network.modules() if getattr(m, "weight", None) is weight]
        hooks = [m.register_forward_pre_hook(looked_up) for m in same]
        ids = self._example.ids
        try:
            with torch.no_grad():
                self._run(self._example)
        finally:
            for hook in hooks:
                hook.remove()
        if len(found) != 2 or found[0][1].shape != ids.shape:
            raise ModelError(
                "is an encoder-decoder whose two sides do not share one table of embeddings, so"
                " that a word has no one embedding to take gradients at"
            )
        if not torch.equal(found[0][1], ids) or not torch.equal(found[1][1][:, 1:], ids[:, :-1]):
            raise ModelError(
                "is an encoder-decoder whose decoder does not read the text itself, one position"
                " behind"
            )
        return found[0][0], found[1][0]

    def _averaged_elsewhere(self, anatomy: Anatomy) -> tuple[bool, ...]:
        """Of each call whether what it averages comes from elsewhere than the states of its block.

        That is so of *cross*: what it averages has no gradient at what the block begins with.
        """
        begun: list[Tensor] = []
        found: list[bool] = []

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            begun.append(hidden(args, kwargs).detach().requires_grad_())
            args, kwargs = with_hidden(args, kwargs, begun[-1].clone())
            return own(*args, **kwargs)

        def handler(call: Call) -> Tensor:
            averaged = call.vectors().sum()
            if not averaged.requires_grad:
                raise ModelError(
                    "is an encoder-decoder whose encoder's attention does not go through the"
                    " attention interface of transformers",
                    hint="wrap it as package.module:factory",
                )
            (slope,) = torch.autograd.grad(
                averaged, begun[-1], retain_graph=True, allow_unused=True
            )
            found.append(slope is None)
            return call.plain()

        blocks = list(anatomy.blocks)
        with torch.enable_grad(), self.seam.handling(handler), forwarding(blocks, forward):
            self._run(self._example)
        return tuple(found)

    @override
    def embed(self, batch: Batch) -> Tensor:
        embedded: Tensor = self._lookups[0](batch.ids)
        return wide(embedded)

    @override
    def embedding_table(self) -> Tensor | None:
        lookup: Any = self._lookups[0]
        rows: Tensor = lookup(torch.arange(len(lookup.weight), device=lookup.weight.device))
        return wide(rows)

    @override
    def begun(self, batch: Batch) -> None:
        """The row of a decoder begins its layer with more than one text of states."""

    @contextmanager
    @override
    def _embedded(self, embeddings: Tensor) -> Iterator[None]:
        sides = iter((False, True))

        def look_up(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if not next(sides):
                return embeddings
            start: Tensor = own(*args, **kwargs)[:, :1]
            return torch.cat([start, embeddings[:, :-1]], dim=1)

        with forwarding(list(dict.fromkeys(self._lookups)), look_up):
            yield

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> DecoderRow:
        embeddings = self.embed(batch) if embeddings is None else embeddings
        rows = self._rows(batch)
        each = torch.arange(len(batch), device=rows.device)
        first, audited, last = self._span
        runs = calls = -1
        states: list[Tensor] = []
        before: list[Tensor] = []
        taken: list[InterfaceCall] = []

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal runs
            runs += 1
            if runs == self.anatomy.last:
                states.append(hidden(args, kwargs))
            return own(*args, **kwargs)

        def handler(call: Call) -> Tensor:
            nonlocal calls
            calls += 1
            if calls >= audited:
                assert isinstance(call, InterfaceCall)
                taken.append(call.of_rows(rows))
            if calls == last:
                raise ReachedError
            given = call.plain()
            if first <= calls < audited:
                before.append(given[each, rows].unsqueeze(1))
            return given

        try:
            with (
                self._embedded(embeddings.to(self._dtype)),
                forwarding(list(self.anatomy.blocks), forward),
                self.seam.handling(handler),
            ):
                self._logits(**self._inputs(batch))
        except ReachedError:
            pass
        call, *after = taken
        if self.kind == SELF:
            call = call.in_order(_order(rows, batch.ids.shape[1]))
        reach = call.reach()
        attendable = batch.mask
        if reach is not None:
            attendable = attendable & reach.any(1).squeeze(1).to(attendable.device)
        residual = states[0][each, rows]
        content = attendable & batch.content
        return DecoderRow(attendable, content, residual, call, None, tuple(before), tuple(after))

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, DecoderRow)
        on_cpu = encoded.residual.device.type == "cpu"
        at_once = max(1, (self._rows_at_once if on_cpu else ROWS_ELSEWHERE) // len(alpha))
        with quiet():
            parts = [self._answers(encoded, part) for part in torch.split(alpha, at_once, dim=1)]
        return torch.cat(parts, dim=1)

    @override
    def read_some(self, encoded: Encoded, alpha: Tensor, asked: Tensor) -> Tensor:
        """See `AttentionModel`: all of them, since the attention after this one goes by texts."""
        return self.read(encoded, alpha)[asked]

    def _answers(self, encoded: DecoderRow, alpha: Tensor) -> Tensor:
        """Logits (B, V, C), the variants of all texts in one batch."""
        variants = alpha.shape[1]
        values = encoded.call.vectors()  # (B, H, T, D)
        weights = encoded.call.dropped(alpha).to(values.dtype)
        averaged = torch.einsum("bvht,bhtd->bvhd", weights, values)
        given = [each.repeat_interleave(variants, 0) for each in encoded.before]
        given.append(averaged.flatten(0, 1).unsqueeze(1))  # (B*V, 1, H, D)
        calls = -1

        def handler(call: Call) -> Tensor:
            nonlocal calls
            calls += 1
            if calls < len(given):
                return given[calls]
            assert isinstance(call, InterfaceCall)
            held = encoded.after[calls - len(given)].asked_by(call)
            weights = held.dropped(held.weights()).to(held.value.dtype)
            return held.output(weights).flatten(0, 1).unsqueeze(1)  # (B*V, 1, H, D)

        residual = encoded.residual.repeat_interleave(variants, 0).unsqueeze(1)  # (B*V, 1, D)
        return self._above(residual, handler).view(len(alpha), variants, -1)

    @override
    def uniform_layers(self, batch: Batch) -> Tensor:
        """See `AttentionModel`: the encoder's layers, and both kinds of the decoder's."""
        return self._by_ends(batch, self._all_uniform)

    def _all_uniform(self, batch: Batch) -> Tensor:
        behind = batch.content.roll(1, 1)  # where the decoder holds the words
        behind[:, 0] = False
        layers = self._layers_of_decoder(self.anatomy)
        sides = iter(
            call.run in layers and not far
            for call, far in zip(self.anatomy.calls, self._elsewhere, strict=True)
        )

        def handler(call: Call) -> Tensor:
            content = behind if next(sides) else batch.content
            return call.output(evened(call, content))

        with self.seam.handling(handler):
            return self._logits(**self._inputs(batch))

    @override
    def at_layer(self, layer: int) -> AttentionModel:
        """See `AttentionModel`."""
        raise InputError(
            "an encoder-decoder is audited in the last layer of its decoder alone",
            hint=f"leave --layer out; --site {CROSS} chooses the other attention of that layer",
        )

    @override
    def values(self, encoded: Encoded) -> Values:
        """See `AttentionModel`; at *cross* no residual is shown, since it is not found."""
        found = super().values(encoded)
        return found if self.kind == SELF else replace(found, residual=None)

    @override
    def _run(self, batch: Batch) -> Tensor:
        return self._by_ends(batch, lambda part: self._logits(**self._inputs(part)))

    def _by_ends(self, batch: Batch, answer: Callable[[Batch], Tensor]) -> Tensor:
        """Answers (B, C) to the texts, those with as many end tokens at a time.

        These networks refuse a batch of texts that differ in that, though not each text alone.
        """
        assert self._end is not None
        ends = batch.ids.eq(self._end).sum(1)
        counts = sorted(set(ends.tolist()))
        if len(counts) == 1:
            return answer(batch)
        parts = [(ends == count).nonzero().flatten() for count in counts]
        answers = torch.cat([answer(batch.select(part)) for part in parts])
        return answers[torch.cat(parts).argsort()]

    @override
    def _inputs(self, batch: Batch) -> dict[str, Any]:
        return {**super()._inputs(batch), **self._uncached()}

    def _uncached(self) -> dict[str, Any]:
        """What keeps the decoder from storing keys for the next token, which there is none."""
        known = "use_cache" in inspect.signature(self.network.forward).parameters
        return {"use_cache": False} if known else {}

    @override
    def _nothing(self, residual: Tensor) -> dict[str, Any]:
        assert self._end is not None
        ids = torch.full((len(residual), 1), self._end, device=residual.device)
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        return {**inputs, **self._uncached()}

    @override
    def _rows(self, batch: Batch) -> Tensor:
        return rows_of(self.anatomy.row, batch, self._pad, self._end)

    @override
    def _as_the_row_has_them(self, weights: Tensor, rows: Tensor) -> Tensor:
        if self.kind == CROSS:
            return weights
        order = _order(rows, weights.shape[-1]).unsqueeze(1).expand_as(weights)
        return torch.zeros_like(weights).scatter(2, order, weights)

    @property
    def _span(self) -> tuple[int, int, int]:
        """The first call of the audited block run, the audited one, and the last of that run."""
        audited = self.anatomy.audited
        run = [n for n, call in enumerate(self.anatomy.calls) if call.run == self.anatomy.last]
        return run[0], audited, run[-1]


def _order(rows: Tensor, width: int) -> Tensor:
    """(B, T) the position of the decoder that holds each token of a text, read from a row.

    The place of the row's own token, which the decoder does not hold yet, is the start token's.
    """
    places = torch.arange(width, device=rows.device)
    rows = rows.unsqueeze(1)
    return torch.where(places < rows, places + 1, torch.where(places == rows, 0, places))
