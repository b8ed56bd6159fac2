"""How far the state of a position is still about the token that stands there, layer by layer.

Letters in shape comments: B batch, T tokens, M the size of states.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from attnaudit.execution.seeds import generator_for
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.questions.answers import Answered
from attnaudit.questions.maker import Record
from attnaudit.records.rounding import compact

TIED = 1e-9  # distances that differ by less, as a share of the larger one, are the same


def depth_of(model: AttentionModel, known: Answered, draws: int, seed: int) -> list[Record]:
    """What is said of each text of a batch, layer by layer.

    The first entry of each list is of the input, which the first layer begins with.

    * `cosine`, `l2`: the share of its words' tokens that are identifiable: their state is nearer to
      their own input than to the input of any other position, by cosine or by distance. Of inputs
      that are the same each counts as a part. The map from states to inputs is the identity, which
      Brunner et al. 2020 (section 3) call naive: they train one;
    * `own`: of one position of a word, drawn at random, the share of its own input among the norms
      of the Jacobians of its state in all inputs (Brunner et al. 2020, section 5). `jacobian`
      estimates Frobenius norms from `draws` random projections; `proxy` takes the gradient of the
      sum of the state's numbers, which may cancel each other. `largest` says whether no other input
      has a larger Jacobian. None without draws.
    """
    states_of = capability(model, "layer_states")
    assert states_of is not None
    states = states_of(known.whole)  # of (B, T, M) each
    near = [_identifiable(state.detach(), states[0].detach(), known) for state in states]
    own = _own(states, known, draws, seed) if draws else [None] * len(known.instances)
    made = []
    for b, one in enumerate(own):
        cosine, l2 = (compact([float(layer[k][b]) for layer in near]) for k in range(2))
        made.append({"cosine": cosine, "l2": l2, "own": one})
    return made


def _identifiable(states: Tensor, inputs: Tensor, known: Answered) -> tuple[Tensor, Tensor]:
    """(B,) the shares of identifiable tokens, by cosine and by distance, of states (B, T, M)."""
    states, inputs = in_float64(states), in_float64(inputs)
    unit = torch.nn.functional.normalize(inputs, dim=-1)
    apart = 1 - torch.nn.functional.normalize(states, dim=-1) @ unit.transpose(1, 2)
    squares = (states**2).sum(-1, keepdim=True) + (inputs**2).sum(-1).unsqueeze(1)
    far = squares - 2 * states @ inputs.transpose(1, 2)
    return _share(apart, known), _share(far, known)


def _share(far: Tensor, known: Answered) -> Tensor:
    """(B,) how many words' tokens have the least of `far` (B, T, T) at themselves."""
    mask, content = (known.whole.mask.to(far.device), known.whole.content.to(far.device))
    far = far.masked_fill(~mask.unsqueeze(1), torch.inf)
    slack = TIED * (1 + far.masked_fill(far.isinf(), 0).amax((1, 2), keepdim=True))
    least = far <= far.amin(-1, keepdim=True) + slack  # (B, T, T)
    hit = least.diagonal(dim1=1, dim2=2) / least.sum(-1).clamp_min(1)  # (B, T)
    return (hit * content).sum(1) / content.sum(1)


def _own(states: Sequence[Tensor], known: Answered, draws: int, seed: int) -> list[Record]:
    batch, size = known.whole, states[0].shape[-1]
    each = torch.arange(len(batch), device=batch.ids.device)
    drawn = [_drawn(known, b, draws, size, seed) for b in range(len(batch))]
    places = torch.tensor([place for place, _ in drawn], device=each.device)
    towards = np.stack([numbers for _, numbers in drawn], axis=1)  # (draws, B, M)
    projections = torch.from_numpy(towards).to(states[0])
    jacobian, proxy, largest = [torch.ones(len(batch))], [torch.ones(len(batch))], []
    largest.append(torch.ones(len(batch), dtype=torch.bool))
    for state in states[1:]:
        mine = state[each, places]  # (B, M)
        norms = [_norms(mine, projection, states[0]) for projection in projections]
        squares = torch.stack(norms).square().sum(0)  # (B, T)
        share, most = _shares(squares.sqrt(), batch.mask, places)
        jacobian.append(share)
        largest.append(most)
        proxy.append(_shares(_norms(mine, torch.ones_like(mine), states[0]), batch.mask, places)[0])
    return [
        {
            "position": int(places[b]),
            "jacobian": compact([float(layer[b]) for layer in jacobian]),
            "proxy": compact([float(layer[b]) for layer in proxy]),
            "largest": [bool(layer[b]) for layer in largest],
        }
        for b in range(len(batch))
    ]


def _drawn(
    known: Answered, b: int, draws: int, size: int, seed: int
) -> tuple[int, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """A position of a word of text `b`, and random numbers (draws, M) of unit variance."""
    generator = generator_for(known.instances[b].id, seed)
    content = known.whole.content[b].nonzero().flatten().tolist()
    return int(generator.choice(content)), generator.standard_normal((draws, size))


def _norms(mine: Tensor, towards: Tensor, inputs: Tensor) -> Tensor:
    """(B, T) the norms of the gradient of `towards` times `mine`, (B, M) each, at the inputs."""
    (slopes,) = torch.autograd.grad(mine, inputs, towards, retain_graph=True)
    norms: Tensor = in_float64(slopes).norm(dim=-1)
    return norms


def _shares(norms: Tensor, mask: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) the share of each text's place in its norms (B, T), and whether none is larger."""
    norms = norms * mask.to(norms.device)
    own = norms.gather(1, places.to(norms.device).unsqueeze(1)).squeeze(1)
    total = norms.sum(1)
    return (own / total.clamp_min(torch.finfo(total.dtype).tiny)).cpu(), (
        own >= norms.amax(1)
    ).cpu()
