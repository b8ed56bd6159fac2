"""The passes that gradient importances take; what each of them means stands in `gradients`.

All but `signed_gradients` give a non-negative magnitude per word (a word of several tokens: the
sum of its gradient-times-input terms before the absolute value, the norm of its stacked gradients).

Letters in shape comments: B batch, T tokens, W words, D embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.importance.entry import Entry
from attnaudit.models.distances import log_odds
from attnaudit.models.interface import AttentionModel, Encoded, capability
from attnaudit.models.recurrent import differentiable


def gradients(
    model: AttentionModel,
    batch: Batch,
    target: Tensor,
    detached: bool = True,
    flowing: bool = True,
    norm: bool = True,
) -> dict[str, Tensor]:
    """Three gradients of p[target] in one forward pass, each (B, W).

    `detached` asks for `gradient`, |dp/de_t . e_t|, and `gradient_l2`, ||dp/de_t||, with attention
    held fixed (Jain & Wallace 2019, section 4.1: gradient with respect to the one-hot input; the
    authors normalise it, which changes no rank). `flowing` asks for `gradient_flowing`,
    |dp/de_t . e_t| of the whole model, through its attention too. Each takes one backward pass.
    Without `norm`, `gradient_l2` is left out.
    """
    found = signed_gradients(model, batch, target, detached, flowing, norm)
    return {name: scores.abs() for name, scores in found.items()}


def signed_gradients(
    model: AttentionModel,
    batch: Batch,
    target: Tensor,
    detached: bool = True,
    flowing: bool = True,
    norm: bool = True,
) -> dict[str, Tensor]:
    """`gradients` before the absolute value is taken; a norm has no sign, and is at least 0.

    Above 0, a word speaks for the target class: to the first order, p[target] falls as the
    embedding of the word shrinks.
    """
    entry = Entry(model, len(batch), batch.ids.device)
    points = entry.points(batch)
    leaf = points.detach().requires_grad_()
    with differentiable(model):
        encoded = entry.encode(batch, leaf)
    with torch.set_grad_enabled(flowing):
        alpha = model.attend(encoded)
    found: dict[str, Tensor] = {}
    if detached:
        p = _probability(model, encoded, alpha.detach(), target)
        grad = gradient(p, leaf, keep_graph=flowing)  # (B, T, D or G)
        found["gradient"] = batch.per_word(entry.along_themselves(grad, points))
        if norm:
            squares = entry.at_embeddings(grad).square().sum(-1)
            found["gradient_l2"] = batch.per_word(squares).sqrt()
    if flowing:
        grad = gradient(_probability(model, encoded, alpha, target), leaf)
        found["gradient_flowing"] = batch.per_word(entry.along_themselves(grad, points))
    return found


def own_logit(model: AttentionModel, batch: Batch, target: Tensor) -> Tensor:
    """|d l_t / d e_t . e_t| (B, W), free of alpha.

    l_t is what the model would say with all its attention on t: the log-odds of the target class
    under a one-hot alpha. For a linear readout it is the token's own logit. Its derivative is
    taken at the token's own embedding only; other tokens' influence on the state is held constant.
    Costs one backward pass where the model can `encode_locally`, else one per token.
    """
    embeddings = model.embed(batch).detach().requires_grad_()
    locally = capability(model, "encode_locally")
    with differentiable(model):
        encoded = (locally or model.encode)(batch, embeddings)
    odds = _own_log_odds(model, encoded, target)  # (B, T)
    if locally:
        grad = gradient(odds, embeddings)
    else:
        columns = []
        for t in range(odds.shape[1]):
            all_tokens = gradient(odds[:, t], embeddings, keep_graph=True)
            columns.append(all_tokens[:, t])
        grad = torch.stack(columns, dim=1)  # (B, T, D)
    return _times_input(batch, grad, embeddings).abs()


def attention_gradient(model: AttentionModel, batch: Batch, target: Tensor) -> Tensor:
    """|sum over heads of alpha_t * dp/dalpha_t| (B, W), at the model's own weights.

    Where many rows are audited, the sum is over them too.
    The weights are independent variables of `read`: what they were computed from is held constant,
    and so is their sum. (Serrano & Smith 2019, section 5, rank by the same product, with its sign.)
    """
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded)  # (B, H, T), or (B, H, Q, T)
    weights = alpha.clone().requires_grad_()
    slopes = gradient(_probability(model, encoded, weights, target), weights)
    return batch.per_word((alpha * slopes).flatten(1, -2).sum(1)).abs()


def gradient(values: Tensor, leaf: Tensor, keep_graph: bool = False) -> Tensor:
    """The gradient of sum(values) at the leaf; 0 where the values do not depend on it.

    They may not: with the attention held fixed, a model whose attention alone reads the text says
    the same whatever the embeddings are.
    """
    if not values.requires_grad:
        return torch.zeros_like(leaf)
    (grad,) = torch.autograd.grad(
        values.sum(), leaf, retain_graph=keep_graph, materialize_grads=True
    )
    return grad


def _times_input(batch: Batch, grad: Tensor, embeddings: Tensor) -> Tensor:
    return batch.per_word((grad * embeddings.detach()).sum(-1))


def _probability(model: AttentionModel, encoded: Encoded, alpha: Tensor, target: Tensor) -> Tensor:
    logits = model.read(encoded, alpha.unsqueeze(1)).squeeze(1)  # (B, C)
    return logits.softmax(-1).gather(1, target.unsqueeze(1)).squeeze(1)


def _own_log_odds(model: AttentionModel, encoded: Encoded, target: Tensor) -> Tensor:
    """Log-odds (B, T) of the target class with all attention, of every head, on one token."""
    if token_logits := capability(model, "token_logits"):
        per_token, bias = token_logits(encoded)
        logits = per_token + bias  # (B, T, C)
    else:
        batch, tokens = encoded.content.shape
        heads = model.attend(encoded).shape[1]
        eye = torch.eye(tokens, device=encoded.content.device, dtype=dtype_of(model))
        one_hot = eye.view(1, tokens, 1, tokens).expand(batch, tokens, heads, tokens)
        logits = model.read(encoded, one_hot)
    return log_odds(logits, target.unsqueeze(1))


def dtype_of(model: AttentionModel) -> torch.dtype:
    """What the model computes in."""
    return next((p.dtype for p in model.parameters()), torch.float32)
