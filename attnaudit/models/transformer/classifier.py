"""Hugging Face classifiers seen through encode, attend and read.

The audited attention is the last layer's, in the one row that the classification head reads: [CLS]
or its equivalent, for decoders the last token that is not padding. `encode` runs the network up to
that attention and keeps what the row reads: its residual, and every head's keys and values. `read`
recomputes what lies above for that row alone: the variants go through the whole model as a batch of
sequences of length 1, in which the blocks below the audited one do nothing, that one is handed the
residual, and its attention gives the values averaged under the weights asked for. No architecture
is named here: `anatomy` finds what must be known, and `check` refuses a model on which it would be
wrong.

Letters in shape comments: B batch, V variants, H heads, T tokens, C classes, D dimensions.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.errors import ModelError
from attnaudit.models.interface import (
    AttentionModel,
    Encoded,
    Joined,
    Keys,
    Layer,
    Values,
    agree,
)
from attnaudit.models.transformer.anatomy import Anatomy, pad_with, padding_of, rows_of, study
from attnaudit.models.transformer.calls import Call, Handler, Seam, wide
from attnaudit.models.transformer.heads import altering, begun_anew
from attnaudit.models.transformer.interception import forwarding, hidden, with_hidden, zeros_of
from attnaudit.models.transformer.joins import Join, by_head, find_joins
from attnaudit.models.transformer.outputs import as_classes
from attnaudit.models.transformer.own import own_attention
from attnaudit.models.transformer.paths import Paths
from attnaudit.models.transformer.quiet import quiet
from attnaudit.models.transformer.replacing import Replaced
from attnaudit.models.transformer.seams import find_seam
from attnaudit.models.transformer.zeroing import distances

# Rows that `read` computes at once: on a CPU so many that the C library keeps the memory of their
# widest result, see execution/allocator.py; that costs less than what leaves the caches.
ROW_BYTES, ROWS_ELSEWHERE = 24 << 20, 1 << 15


@dataclass(frozen=True)
class Row(Encoded):
    """What the audited row reads: its residual (B, D), and the attention call of its layer.

    The call holds the row's query alone: `call.query` (B, H, 1, D). `states` (B, T, D) are what the
    layer begins with, kept where gradients are.
    """

    residual: Tensor
    call: Call
    states: Tensor | None


class ReachedError(Exception):
    """Ends a forward pass at the audited attention."""


class TransformerClassifier(AttentionModel):
    """`network` is a sequence classifier of transformers, loaded under its own attention."""

    boundaries = True
    bare = False
    """Whether a word stands first: a decoder whose tokenizer puts nothing before a text."""
    barrier: Callable[[Batch], Tensor] | None = None
    """Which words are kept apart from the others, (B, T), see `parted`; None: no words are."""
    output: int | None = None
    """The output that is asked about, of a network that gives several labels; None: all."""

    def __init__(self, network: nn.Module, example: Batch, mask_token: int | None = None) -> None:
        """Study `network` on `example`: two texts of different lengths, the first one longer."""
        super().__init__()
        self.network = network.eval()
        self.mask_token = mask_token
        accepted = inspect.signature(network.forward).parameters
        config: Any = network.config
        self._typed = "token_type_ids" in accepted
        self._pad = padding_of(config)
        if self._pad is None:  # batches need one, whatever it is: see `forward`
            pad_with(config, example.pad)
        self.seam: Seam = find_seam(network, self._inputs(example))
        self._example = example
        self.anatomy: Anatomy = self._study()
        self.head_count, self.layer_count = self.anatomy.heads, len(self.anatomy.blocks)
        self._unread: tuple[nn.Module, ...] = ()
        self._one = False
        if self.anatomy.row != "every":  # which is read at the site of every row, and checked there
            self._check_reading()

    def _study(self) -> Anatomy:
        found = study(self.network, self.seam, self, self._example, self._pad)
        if len(found.calls) > len(found.blocks):
            raise ModelError(
                "its layers have several attentions each, so that it is not known which to audit"
            )
        return found

    def _check_reading(self) -> None:
        """Raise ModelError where reading weights is not what the network answers with them."""
        self._unread = self.anatomy.inputs
        if not self._spares(self._example):
            self._unread = ()  # one of them does more than project queries, keys and values
            if not self._reads_rows(self._example):
                raise ModelError(
                    "attnaudit cannot change its attention: with uniform weights, it gives "
                    "another answer than the whole model with that row replaced",
                    hint="its blocks use attention for more than averaging values",
                )
        self._one = True  # what lies below the blocks may do with one text for all rows
        self._one = self._spares(self._example)

    @override
    def embed(self, batch: Batch) -> Tensor:
        lookup: Any = self.network.get_input_embeddings()  # type: ignore[operator]
        embedded: Tensor = lookup(batch.ids)
        return wide(embedded)

    @override
    def embedding_table(self) -> Tensor | None:
        lookup: Any = self.network.get_input_embeddings()  # type: ignore[operator]
        # Looked up, and not its weights: some networks scale what they look up.
        rows: Tensor = lookup(torch.arange(len(lookup.weight), device=lookup.weight.device))
        return wide(rows)

    @override
    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, C), as transformers gives them for each text alone.

        A network that names no padding id reads the last position of a text. In a batch it must be
        told by which id it knows the padding: one that no text of the batch ends with.
        """
        with ExitStack() as stack:
            if self.barrier is not None:
                apart = self._apart(batch)
                stack.enter_context(self.seam.handling(lambda call: apart(call).plain()))
            if self._pad is not None:
                return self._run(batch)
            return self._run(stack.enter_context(self._told_apart(batch)))

    @contextmanager
    def _told_apart(self, batch: Batch) -> Iterator[Batch]:
        """The batch with padding that the network tells from the end of each text."""
        config: Any = self.network.config
        before = padding_of(config)
        ends = batch.ids.gather(1, (batch.mask.sum(1) - 1).unsqueeze(1)).flatten()
        filler = batch.pad
        if bool((ends == filler).any()):
            table: Tensor = self.network.get_input_embeddings().weight  # type: ignore[operator]
            free = torch.ones(len(table), dtype=torch.bool, device=ends.device)
            free[ends] = False
            if not bool(free.any()):
                raise ModelError("has no id that can be used for padding: every id ends a text")
            filler = int(free.int().argmax())
        try:
            pad_with(config, filler)
            yield replace(batch, ids=batch.ids.masked_fill(~batch.mask, filler), pad=filler)
        finally:
            pad_with(config, before)

    def quietly(self) -> AbstractContextManager[None]:
        """See `AttentionModel`."""
        return quiet()

    @override
    def own_answer(self, batch: Batch) -> Tensor:
        with own_attention(self.network):
            return self.forward(batch)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Row:
        rows = self._rows(batch)
        return self._row(batch, *self.begin(batch, embeddings, self.anatomy.last), rows)

    def begin(self, batch: Batch, embeddings: Tensor | None, number: int) -> tuple[Tensor, Call]:
        """What the layer of that number, from 0, begins with (B, T, D), and its attention call."""
        embeddings = self.embed(batch) if embeddings is None else embeddings
        calls, apart = _Count(number), self._apart(batch)
        states: list[Tensor] = []
        reached: list[Call] = []

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if calls.is_last():
                states.append(hidden(args, kwargs))
            given = own(*args, **kwargs)
            calls.next()
            return given

        def handler(call: Call) -> Tensor:
            call = apart(call)
            if not calls.is_last():
                return call.plain()
            reached.append(call)
            raise ReachedError

        try:
            # The network is given ids as well: RoBERTa numbers its positions by them.
            with (
                self._embedded(embeddings.to(self._dtype)),
                forwarding(list(self.anatomy.blocks), forward),
                self.seam.handling(handler),
            ):
                self._run(batch)
        except ReachedError:
            pass
        return states[0], reached[0]

    def begun(self, batch: Batch) -> Tensor | None:
        """See `AttentionModel`."""
        states, _ = self.begin(batch, None, self.anatomy.last)
        return states

    def encode_begun(self, batch: Batch, states: Tensor) -> Row:
        """See `AttentionModel`. The layers below the audited one do nothing."""
        calls = _Count(self.anatomy.last)
        reached: list[Call] = []

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if calls.is_last():
                args, kwargs = with_hidden(args, kwargs, states)
                given = own(*args, **kwargs)
            else:
                given = self._as_given(hidden(args, kwargs), calls.at)
            calls.next()
            return given

        def handler(call: Call) -> Tensor:
            reached.append(call)
            raise ReachedError

        # Blocks that are skipped make no call, so the handler meets the audited one alone.
        with (
            suppress(ReachedError),
            self.seam.handling(handler),
            forwarding(list(self.anatomy.blocks), forward),
        ):
            self._run(batch)
        return self._row(batch, states, reached[0], self._rows(batch))

    @contextmanager
    def _embedded(self, embeddings: Tensor) -> Iterator[None]:
        """Within the context the network reads `embeddings` (B, T, D) in place of its table's."""
        left = [embeddings]

        def look_up(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            # Once: GPT-2 looks up segments in the same table, after the ids.
            return left.pop() if left else own(*args, **kwargs)

        lookup: nn.Module = self.network.get_input_embeddings()  # type: ignore[operator]
        with forwarding([lookup], look_up):
            yield

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        assert isinstance(encoded, Row)
        return encoded.call.weights().squeeze(2)  # (B, H, T)

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, Row)
        averaged, variants = self._averaged(encoded, alpha), alpha.shape[1]
        residual = encoded.residual.repeat_interleave(variants, 0)
        return self._of_rows(residual, averaged.flatten(0, 1)).view(len(alpha), variants, -1)

    def read_some(self, encoded: Encoded, alpha: Tensor, asked: Tensor) -> Tensor:
        """See `AttentionModel`."""
        assert isinstance(encoded, Row)
        averaged = self._averaged(encoded, alpha)[asked]  # (N, H, D)
        return self._of_rows(encoded.residual[asked.nonzero()[:, 0]], averaged)

    def _averaged(self, encoded: Row, alpha: Tensor) -> Tensor:
        """The vectors under weights (B, V, H, T): (B, V, H, D)."""
        values = encoded.call.vectors()  # (B, H, T, D)
        weights = encoded.call.dropped(alpha).to(values.dtype)
        return torch.einsum("bvht,bhtd->bvhd", weights, values)

    def _of_rows(self, residual: Tensor, averaged: Tensor) -> Tensor:
        """Logits (N, C) of rows, from their residual (N, M) and what the heads give (N, H, D)."""
        residual, averaged = residual.unsqueeze(1), averaged.unsqueeze(1)
        size = self._rows_at_once if residual.device.type == "cpu" else ROWS_ELSEWHERE
        parts = zip(torch.split(residual, size), torch.split(averaged, size), strict=True)
        with quiet():
            return torch.cat([self._above(rows, _always(given)) for rows, given in parts])

    def _above(self, residual: Tensor, handler: Handler) -> Tensor:
        """Logits (N, C) of rows alone, from their residual (N, 1, D).

        `handler` answers the attention calls of the audited block.
        """
        calls = _Count(self.anatomy.last)

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if calls.is_last():
                args, kwargs = with_hidden(args, kwargs, residual)
                given = own(*args, **kwargs)
            else:
                given = self._as_given(hidden(args, kwargs), calls.at)
            calls.next()
            return given

        with ExitStack() as stack:
            stack.enter_context(self.seam.handling(handler))
            stack.enter_context(forwarding(list(self.anatomy.blocks), forward))
            for layer in self._unread:
                stack.enter_context(forwarding([layer], zeros_of(layer)))
            return self._logits(**self._nothing(residual))

    def _nothing(self, residual: Tensor) -> dict[str, Tensor]:
        """Texts of length 1, of which no block reads what they are.

        One for each residual, or one for all where the network's head goes by what blocks give.
        """
        size = self.network.get_input_embeddings().weight.shape[1]  # type: ignore[operator]
        count = 1 if self._one else len(residual)
        return {"inputs_embeds": residual.new_zeros(1, 1, 1).expand(count, 1, size)}

    def uniform_layers(self, batch: Batch) -> Tensor:
        """See `AttentionModel`. The other positions of a row keep the weight they have there."""
        with self.seam.handling(lambda call: call.output(evened(call, batch.content))):
            return self.forward(batch)

    def trace(self, batch: Batch) -> list[Layer]:
        """See `AttentionModel`."""
        states: list[Tensor] = []
        calls: list[Call] = []

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            states.append(hidden(args, kwargs))
            return own(*args, **kwargs)

        def handler(call: Call) -> Tensor:
            calls.append(call)
            return call.plain()

        with forwarding(list(self.anatomy.blocks), forward), self.seam.handling(handler):
            self(batch)
        return [
            Layer(wide(call.weights()), wide(call.vectors()), wide(begun))
            for call, begun in zip(calls, states, strict=True)
        ]

    def attention_graph(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """See `AttentionModel`."""
        found: list[Tensor] = []

        def handler(call: Call) -> Tensor:
            weights = call.weights()
            if not found:
                weights = weights.detach().requires_grad_()
            found.append(weights)
            return call.output(weights)

        with torch.enable_grad(), self.seam.handling(handler):
            return self.forward(batch), found

    def audited_row(self, batch: Batch) -> Tensor:
        """See `AttentionModel`; raises ValueError where the head reads no one row."""
        return self._rows(batch)

    def joins(self) -> tuple[Joined | None, ...]:
        """See `AttentionModel`."""
        return tuple(None if join is None else join.now() for join in self._joins)

    @cached_property
    def _joins(self) -> tuple[Join | None, ...]:
        table: Tensor = self.network.get_input_embeddings().weight  # type: ignore[operator]
        example = self._example.to(table.device)
        return find_joins(
            self.anatomy.blocks, self.seam, self.forward, example, self.anatomy.tupled
        )

    def without_values(self, batch: Batch, layers: Collection[int]) -> list[Tensor]:
        """See `AttentionModel`."""
        return distances(self.anatomy, self.seam, lambda: self.forward(batch), layers)

    def at_layer(self, layer: int) -> AttentionModel:
        """See `AttentionModel`."""
        from attnaudit.models.transformer.every_row import every_row  # which builds on this module

        return every_row(self, layer, self._example)

    def of_output(self, output: int) -> TransformerClassifier:
        """See `AttentionModel`. It is the same network, around the same weights."""
        made = copy.copy(self)
        made.output = output
        return made

    def parted(self, barrier: Callable[[Batch], Tensor]) -> TransformerClassifier:
        """See `AttentionModel`. It is the same network, around the same weights.

        Raises ModelError where words meet elsewhere than in the attention, as in convolutions.
        """
        if not self._keeps_apart:
            raise ModelError(
                "its words see each other by more than its attention, so that they cannot be kept"
                " apart"
            )
        return self._with_barrier(barrier)

    def _with_barrier(self, barrier: Callable[[Batch], Tensor]) -> TransformerClassifier:
        made = copy.copy(self)
        made.barrier = barrier
        return made

    @cached_property
    def _keeps_apart(self) -> bool:
        """Whether a word on one side of a barrier changes nothing on the other below the row."""
        batch = self._example.to(self.network.get_input_embeddings().weight.device)  # type: ignore[operator]
        row = self._rows(batch)
        inside = batch.content.clone()
        inside[torch.arange(len(batch)), row.to(inside.device)] = False
        place = inside.int().argmax(1)  # the first word
        marked = torch.zeros_like(inside)
        marked[torch.arange(len(batch)), place] = True
        parted, training = self._with_barrier(lambda _: marked), self.network.training
        with torch.no_grad():
            self.network.eval()
            embedded = self.embed(batch)
            other = torch.where(marked.unsqueeze(-1), -2 * embedded, embedded)
            before, after = (
                parted.begin(batch, e, self.anatomy.last)[0] for e in (embedded, other)
            )
            self.network.train(training)
        rest = inside & ~marked
        return agree(wide(before)[rest], wide(after)[rest], self._dtype)

    def _apart(self, batch: Batch) -> Callable[[Call], Call]:
        """What makes of a call one in which words on two sides of the barrier see no other."""
        if self.barrier is None:
            return lambda call: call
        hidden = out_of_sight(self.barrier(batch), self._rows(batch).to(batch.ids.device))
        return lambda call: call.hiding(hidden)

    def scale_heads(self, batch: Batch, factors: Tensor, dropped: Tensor | None = None) -> Tensor:
        """See `AttentionModel`."""
        with self.seam.handling(altering(factors, dropped)):
            return self.forward(batch)

    def layer_states(self, batch: Batch) -> list[Tensor]:
        """See `AttentionModel`."""
        states: list[Tensor] = []
        blocks = list(self.anatomy.blocks)
        with torch.enable_grad(), forwarding(blocks, begun_anew(states, self.anatomy.tupled[-1])):
            self.forward(batch)
        return states

    def paths(self, batch: Batch, baseline: Tensor, target: int, steps: int, room: int) -> Paths:
        """See `AttentionModel`."""
        return Paths(self, batch, baseline, target, steps, room)

    def replaced(self, batch: Batch, baseline: Tensor, room: int) -> Replaced:
        """See `AttentionModel`."""
        return Replaced(self, batch, baseline, room)

    def values(self, encoded: Encoded) -> Values:
        """See `AttentionModel`."""
        assert isinstance(encoded, Row)
        vectors = wide(encoded.call.vectors())
        output = self._output_weights(vectors.shape[1])
        return Values(vectors, output, wide(encoded.residual))

    def keys(self, encoded: Encoded) -> Keys | None:
        """See `AttentionModel`."""
        assert isinstance(encoded, Row)
        return encoded.call.keys()

    def states(self, encoded: Encoded) -> Tensor:
        """See `AttentionModel`; raises ValueError for what was encoded without gradients."""
        assert isinstance(encoded, Row)
        if encoded.states is None:
            raise ValueError("the states are kept where gradients are enabled alone")
        return wide(encoded.states)

    def word_vectors(self) -> Tensor:
        """See `AttentionModel`."""
        table: Tensor = self.network.get_input_embeddings().weight  # type: ignore[operator]
        return wide(table)

    def _run(self, batch: Batch) -> Tensor:
        return self._logits(**self._inputs(batch))

    def _inputs(self, batch: Batch) -> dict[str, Tensor]:
        """What the network is called with."""
        inputs = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
        if self._typed and batch.types is not None:
            inputs["token_type_ids"] = batch.types
        return inputs

    def _logits(self, **inputs: Tensor) -> Tensor:
        with quiet():
            logits: Tensor = self.network(**inputs).logits
        return wide(as_classes(logits, self.output))

    @cached_property
    def _rows_at_once(self) -> int:
        """How many rows `read` computes at once on a CPU."""
        matrices = [p for p in self.anatomy.blocks[-1].parameters() if p.ndim == 2]
        widest = max(max(p.shape) * p.element_size() for p in matrices)
        return max(1, ROW_BYTES // widest)

    @property
    def _dtype(self) -> torch.dtype:
        """What the network computes in."""
        table: Tensor = self.network.get_input_embeddings().weight  # type: ignore[operator]
        return table.dtype

    def _rows(self, batch: Batch) -> Tensor:
        """(B,) the position of the audited row."""
        return rows_of(self.anatomy.row, batch, self._pad)

    def _row(self, batch: Batch, states: Tensor, call: Call, rows: Tensor) -> Row:
        call = call.of_rows(rows)
        attendable, reach = batch.mask, call.reach()
        if reach is not None:
            attendable = attendable & reach.any(1).squeeze(1).to(attendable.device)
        each = torch.arange(len(batch), device=states.device)
        residual = states[each, rows.to(states.device)]
        kept = states if torch.is_grad_enabled() else None
        return Row(attendable, attendable & batch.content, residual, call, kept)

    def _as_given(self, hidden: Tensor, run: int) -> Any:
        """States as the block of a run gives them."""
        many = self.anatomy.tupled[run]
        return (hidden, *[None] * (many - 1)) if many else hidden

    def _as_the_row_has_them(self, weights: Tensor, rows: Tensor) -> Tensor:
        """Weights (B, H, T) on the tokens of a text, in the order in which its row sees them."""
        return weights

    def _output_weights(self, heads: int) -> Tensor | None:
        """(H, D, out) the map of each head's average into the residual stream."""
        layer = self.anatomy.output
        if layer is None:
            return None
        return by_head(layer, heads)

    def _spares(self, batch: Batch) -> bool:
        """Whether rows are read right without a part of what the network does for each."""
        try:
            return self._reads_rows(batch)
        except (RuntimeError, IndexError, ValueError, ModelError):
            # Zeros have not the layout that somebody expects, or products are counted otherwise.
            return False

    @torch.no_grad()
    def _reads_rows(self, batch: Batch) -> bool:
        """Whether reading uniform weights is what the network says with that row overridden."""
        encoded = self.encode(batch)
        heads = self.anatomy.heads
        spread = encoded.attendable / encoded.attendable.sum(-1, keepdim=True)  # (B, T)
        uniform = spread.unsqueeze(1).expand(-1, heads, -1).to(encoded.residual)  # (B, H, T)
        rows = self._rows(batch)
        calls = 0

        def handler(call: Call) -> Tensor:
            nonlocal calls
            given = call.plain()
            calls += 1
            if calls == self.anatomy.audited + 1:
                given = given.clone()
                weights = self._as_the_row_has_them(uniform, rows)
                given[torch.arange(len(batch)), rows] = call.output(weights.unsqueeze(2))[:, 0]
            return given

        with self.seam.handling(handler):
            whole = self(batch)
        return agree(self.read(encoded, uniform.unsqueeze(1))[:, 0], whole, self._dtype)


def evened(call: Call, content: Tensor) -> Tensor:
    """The weights (B, H, Q, T) of a call, those on the `content` (B, T) that it reaches evened."""
    weights = call.weights()  # (B, H, Q, T)
    inside, reach = content[:, None, None].to(weights.device), call.reach()
    if reach is not None:
        inside = inside & reach  # (B, 1 or H, Q, T)
    mass = (weights * inside).sum(-1, keepdim=True)
    mean = mass / inside.sum(-1, keepdim=True).clamp_min(1)
    return torch.where(inside, mean, weights)


def out_of_sight(marked: Tensor, rows: Tensor) -> Tensor:
    """(B, Q, T) which positions each query must not see, so that two groups meet in one row alone.

    `marked` (B, T) is one group, and all other positions are the other. The row at `rows` (B,) sees
    all positions, and none but itself sees it (Pruthi et al. 2020, in the authors' code).
    """
    hidden = marked.unsqueeze(2) != marked.unsqueeze(1)
    each = torch.arange(len(rows), device=rows.device)
    hidden[each, :, rows] = True
    hidden[each, rows] = False
    return hidden


def _always(given: Tensor) -> Handler:
    return lambda _: given


class _Count:
    """Which block run a pass is `at`."""

    def __init__(self, last: int) -> None:
        self._last, self.at = last, 0

    def is_last(self) -> bool:
        return self.at == self._last

    def next(self) -> None:
        self.at += 1
