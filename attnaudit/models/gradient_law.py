"""The law for gradients: those that passes return are the slopes of what the model answers.

A library that patches gradients process-wide, or a layer with a backward pass of its own, keeps all
other laws: the answers are right, and every gradient of them is another explanation. So the
gradient is held against central differences of the answers, along directions in the space of the
embeddings: the gradient's own, where a difference stands out most from rounding, and a random one.

Letters in shape comments: B batch, T tokens, D dimensions, C classes, S step sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from attnaudit.data.batch import Batch
from attnaudit.errors import ModelError
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.interface import AttentionModel, Encoded, capability

Encode = Callable[[Batch, Tensor], Encoded]

TEXTS = 4  # the shortest ones: the law is about the code of the model, not about texts
WIDEST = 1 << 28  # parameters of a model that is cast to float64, which takes 8 bytes for each
# By how much a gradient may miss the slope, relative to it, in what the gradient was computed in.
MISSES = {torch.float64: 1e-4, torch.float32: 1e-2, torch.float16: 0.1, torch.bfloat16: 0.2}
# Steps as shares of the length of a text's embeddings: in float64, and in float32.
SMALL, LARGE, ROUGH = (1e-6, 1e-7), (1e-3, 1e-4), (3e-3, 1e-3, 3e-4)
CLEAR = 1e-4  # a disagreement of steps, as a share of the slope, that no other step need better
ROUGH_MISS = 0.1  # the share where the answers are not computed in float64
DOUBT = 5  # how many times the disagreement of two step sizes a difference may be wrong by


def check_gradients(model: AttentionModel, batch: Batch) -> None:
    """Refuse a model whose gradients are not those of its answers.

    Two gradients of the logits at the embeddings are tried, as importances take them: through the
    whole model, and with the attention held fixed. The answers are computed in float64 where the
    model can be cast; else in its own precision, and what two step sizes disagree by is allowed.
    Where embeddings enter by an `inlet`, the gradients behind it are held against the same slopes.

    Raises:
        ModelError: a gradient misses the slope of the answers by more than a sound one can.
    """
    few = batch.select(batch.mask.sum(1).argsort(stable=True)[:TEXTS])
    embeddings = model.embed(few).detach()
    with torch.no_grad():
        alpha = model.attend(model.encode(few, embeddings))
        shape = model.read(model.encode(few, embeddings), alpha.unsqueeze(1))[:, 0].shape
    mix = _random(shape, 0, embeddings)  # (B, C): one number of each text's logits
    encodes = _encodes(model, embeddings)
    for fixed in (False, True):
        held = alpha.detach() if fixed else None
        found = {
            where: _gradient(model, encode, few, embeddings, held, mix)
            for where, encode in encodes.items()
        }
        usual = found[""]
        directions = [_of_length(embeddings, few, d) for d in (usual, _random_like(usual))]
        slopes, doubts, share = _slopes(model, few, embeddings, held, mix, directions)
        for where, gradient in found.items():
            said = torch.stack([in_float64(gradient * d).sum((1, 2)) for d in directions])
            said = said[: len(slopes)]  # (directions, B)
            missed = (said - slopes).norm(dim=1)
            allowed = share * torch.maximum(said.norm(dim=1), slopes.norm(dim=1))
            allowed = allowed + DOUBT * doubts.norm(dim=1)
            if not bool((missed <= allowed).all()):
                worst = int((missed - allowed).nan_to_num(torch.inf).argmax())
                off = float(missed[worst] / slopes[worst].norm())
                what = "with its attention held fixed" if fixed else "through the whole model"
                raise ModelError(
                    f"the model cannot be audited: the gradient of its answer {what}{where} is "
                    f"wrong by {100 * off:.0f} %, compared with small steps of the input",
                    hint="look for a custom backward pass, a detach(), or an imported library that "
                    "changes gradients",
                )


def _encodes(model: AttentionModel, embeddings: Tensor) -> dict[str, Encode]:
    """The ways from embeddings to what is encoded, by what a refusal says of them."""
    encodes: dict[str, Encode] = {"": model.encode}
    find, encode = capability(model, "inlet"), capability(model, "encode_inlet")
    inlet = find() if find and embeddings.device.type == "cpu" else None  # as importances take it
    if inlet is not None and encode is not None:
        encodes[", behind its `inlet`,"] = lambda batch, at: encode(
            batch, nn.functional.linear(at, inlet.weight, inlet.bias)
        )
    return encodes


def _gradient(
    model: AttentionModel,
    encode: Encode,
    batch: Batch,
    embeddings: Tensor,
    held: Tensor | None,
    mix: Tensor,
) -> Tensor:
    """The gradient (B, T, D) that passes return; 0 where no graph leads to the embeddings."""
    leaf = embeddings.clone().requires_grad_()
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        value = _value(model, encode(batch, leaf), held, mix).sum()
        if not value.requires_grad:
            return torch.zeros_like(leaf)
        (gradient,) = torch.autograd.grad(value, leaf, materialize_grads=True)
    return gradient


def _value(model: AttentionModel, encoded: Encoded, held: Tensor | None, mix: Tensor) -> Tensor:
    """(B,) what is differentiated: a mixture of each text's logits."""
    alpha = model.attend(encoded) if held is None else held
    logits = model.read(encoded, alpha.unsqueeze(1))[:, 0]  # (B, C)
    return (logits * mix.to(logits.dtype)).sum(-1)


@torch.no_grad()
def _slopes(
    model: AttentionModel,
    batch: Batch,
    embeddings: Tensor,
    held: Tensor | None,
    mix: Tensor,
    directions: Sequence[Tensor],
) -> tuple[Tensor, Tensor, float]:
    """Slopes along directions, and how far two step sizes disagree on them, both (directions, B).

    The last is how far a sound gradient may miss them, as a share. Without float64 the first
    direction is the only one: along others the slope is lost in rounding and in kinks.
    """

    def measured(dtype: torch.dtype, steps: Sequence[float], some: int) -> tuple[Tensor, Tensor]:
        points = [
            embeddings.to(dtype) + sign * h * d.to(dtype)
            for h in steps
            for d in directions[:some]
            for sign in (1, -1)
        ]
        many = batch.select(torch.arange(len(batch)).repeat(len(points)).to(batch.ids.device))
        weights = None if held is None else torch.cat([held.to(dtype)] * len(points))
        encoded = model.encode(many, torch.cat(points))
        said = _value(model, encoded, weights, mix.repeat(len(points), 1))
        above, below = in_float64(said).view(len(steps), some, 2, len(batch)).unbind(2)
        return _agreed((above - below) / (2 * torch.tensor(steps).to(above).view(-1, 1, 1)))

    def exactly() -> tuple[Tensor, Tensor]:
        slopes, doubts = measured(torch.float64, SMALL, len(directions))
        if bool((doubts.norm(dim=1) <= CLEAR * slopes.norm(dim=1)).all()):
            return slopes, doubts
        # A layer that computes in float32, whatever it is given, shows steps so small as noise.
        others, doubted = measured(torch.float64, LARGE, len(directions))
        better = doubted < doubts
        return torch.where(better, others, slopes), torch.where(better, doubted, doubts)

    precision = next((p.dtype for p in model.parameters() if p.dtype in MISSES), torch.float32)
    if sum(p.numel() for p in model.parameters()) <= WIDEST:
        try:
            with _in_float64(model):
                return *exactly(), MISSES[precision]
        except Exception:  # its code mixes in numbers of its own precision, or the device has none
            pass
    if embeddings.dtype == torch.float64:
        return *exactly(), MISSES[precision]
    return *measured(torch.float32, ROUGH, 1), max(MISSES[precision], ROUGH_MISS)


def _agreed(found: Tensor) -> tuple[Tensor, Tensor]:
    """Of slopes (S, directions, B) by falling step size, those that agree best with the next.

    A large step sees the curve of the function, a small one its rounding. Also by how much they
    disagree; both (directions, B).
    """
    doubt, best = found.diff(dim=0).abs().min(0)
    return found[1:].gather(0, best.unsqueeze(0))[0], doubt


@contextmanager
def _in_float64(model: AttentionModel) -> Iterator[None]:
    """Within the context all numbers of the model are float64; then they are the very same again.

    The model is not copied: one whose layers refer to each other would not survive it.
    """
    buffers: list[tuple[dict[str, Any], str, Tensor]] = [
        (module._buffers, name, buffer)
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None and buffer.is_floating_point()
    ]
    weights = [(p, p.data) for p in model.parameters() if p.is_floating_point()]
    try:
        for parameter, data in weights:
            parameter.data = data.to(torch.float64)
        for owner, name, buffer in buffers:
            owner[name] = buffer.to(torch.float64)
        yield
    finally:
        for parameter, data in weights:
            parameter.data = data
        for owner, name, buffer in buffers:
            owner[name] = buffer


def _of_length(embeddings: Tensor, batch: Batch, direction: Tensor) -> Tensor:
    """A direction at the real positions, of each text as long as its embeddings (B, T, D)."""
    inside = direction * batch.mask.unsqueeze(-1)
    wanted = (embeddings * batch.mask.unsqueeze(-1)).flatten(1).norm(dim=1).view(-1, 1, 1)
    tiny = torch.finfo(inside.dtype).tiny
    unit = nn.functional.normalize(inside.flatten(1), eps=tiny).view_as(inside)
    pointed: Tensor = unit * wanted
    return pointed


def _random_like(like: Tensor) -> Tensor:
    return _random(like.shape, 1, like)


def _random(shape: Sequence[int], seed: int, like: Tensor) -> Tensor:
    """Normal numbers that are the same on every machine and device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator).to(like)
