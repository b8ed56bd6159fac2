"""A BiLSTM from the scores that its embeddings add to its gates, with gradients at these alone.

Embeddings enter an LSTM through one linear map. Gradients are taken behind it: along the image of a
direction they are what they are along that direction of the embeddings. So neither the map nor its
transpose has to be applied anew at each point, and where a word stands often, its image is computed
once. Weights are constants here: no work goes into their gradients.

Scores of the gate that takes tanh are doubled, so that one sigmoid serves all four: tanh(x) = 2
sigmoid(2x) - 1. Letters in shape comments: B batch, T tokens, D embedding, H one direction, G = 8H
scores, of each direction those of its gates, in torch's order i, f, g, o.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from attnaudit.models.arithmetic import added_product, tanh_

_GATES = 4
_slope = torch.ops.aten.sigmoid_backward.grad_input
_slope_of_tanh = torch.ops.aten.tanh_backward.grad_input


def weights_of(lstm: nn.LSTM) -> tuple[Tensor, Tensor, Tensor]:
    """What its scores come from: of inputs (4H, D), bias (4H,), of its states (4H, H)."""
    inputs, recurrent, *biases = (
        lstm.get_parameter(f"{name}_l0").detach()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    doubled = inputs.new_ones(_GATES, lstm.hidden_size)
    doubled[2] = 2
    scale = doubled.view(-1, 1)
    bias = biases[0] + biases[1]
    return inputs * scale, bias * scale.squeeze(1), recurrent * scale


class BothWays(torch.autograd.Function):
    """The states (B, T, 2H) of both directions, 0 at padding, from scores (B, T, G)."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, mask: Tensor, ahead: Tensor, back: Tensor) -> Tensor:
        """`mask` (B, T); the weights of the states of either direction (4H, H)."""
        batch, tokens, _ = scores.shape
        size, slopes = ahead.shape[1], ctx.needs_input_grad[0]
        inputs = scores.transpose(0, 1).view(tokens, batch, 2, _GATES, size)
        padding, padded = ~mask.T[:, :, None, None], (~mask).any(0).tolist()
        states = scores.new_empty(tokens, batch, 2, size)
        found = _Slopes.room(states) if slopes else None
        gate = scores.new_empty(batch, _GATES, size)
        for way, recurrent in enumerate((ahead, back)):
            hidden, cell = scores.new_zeros(2, batch, size)
            for t in _order(tokens, way):
                added_product(inputs[t, :, way].flatten(1), hidden, recurrent, gate.flatten(1))
                if padded[t]:  # nothing is let in, and nothing is kept: all is 0
                    gate[:, :2].masked_fill_(padding[t], -torch.inf)
                i, f, g, o = gate.sigmoid_().unbind(1)
                before, cell = cell, (f * cell).addcmul_(i, g, value=2).sub_(i)
                tanh = tanh_(cell.clone())
                hidden = torch.mul(o, tanh, out=states[t, :, way])
                if found is not None:
                    found.put((t, slice(None), way), (i, f, g, o), before, tanh)
        if found is not None:
            ctx.save_for_backward(found.gates, found.cells, found.kept, ahead, back)
        return states.flatten(2).transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grads: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients at the scores from those at the states."""
        slopes, through, kept, ahead, back = ctx.saved_tensors
        tokens, batch, _, _, size = slopes.shape
        at_states = grads.transpose(0, 1).reshape(tokens, batch, 2, size)
        found = torch.empty_like(slopes)
        for way, recurrent in enumerate((ahead, back)):
            weights, later = recurrent.T.contiguous(), slopes.new_zeros(batch, _GATES, size)
            hidden, cell, carried = slopes.new_zeros(3, batch, size)
            for t in reversed(_order(tokens, way)):
                added_product(at_states[t, :, way], later.flatten(1), weights, hidden)
                cell.mul_(carried).addcmul_(hidden, through[t, :, way])
                slope, later, carried = slopes[t, :, way], found[t, :, way], kept[t, :, way]
                torch.mul(slope[:, :3], cell.unsqueeze(1), out=later[:, :3])
                torch.mul(slope[:, 3], hidden, out=later[:, 3])
        return found.flatten(2).transpose(0, 1), None, None, None


def _order(tokens: int, way: int) -> range:
    return range(tokens - 1, -1, -1) if way else range(tokens)


@dataclass(frozen=True)
class _Slopes:
    """How cells and states move, step by step.

    `gates` (T, B, 2, 4, H): cells by the scores of the first three gates, states by those of the
    last; `cells` (T, B, 2, H): states by cells; `kept` (T, B, 2, H): cells by those before.
    """

    gates: Tensor
    cells: Tensor
    kept: Tensor

    @classmethod
    def room(cls, states: Tensor) -> _Slopes:
        """For states (T, B, 2, H); nothing is known yet."""
        gates = states.new_empty(*states.shape[:3], _GATES, states.shape[3])
        return cls(gates, torch.empty_like(states), torch.empty_like(states))

    def put(
        self, at: tuple[Any, ...], gates: tuple[Tensor, ...], before: Tensor, tanh: Tensor
    ) -> None:
        """What follows from the four gates (B, H), the cells before, and tanh of those now."""
        i, f, g, o = gates
        factors = ((g * 2).sub_(1), before, i * 2, tanh)
        for slope, factor, gate in zip(self.gates[at].unbind(1), factors, gates, strict=True):
            _slope(factor, gate, grad_input=slope)
        _slope_of_tanh(o, tanh, grad_input=self.cells[at])
        self.kept[at].copy_(f)
