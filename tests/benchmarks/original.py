"""The whole procedure of Jain & Wallace 2019 on one data set, in plain PyTorch.

A rendering of what the paper and its code do, written anew: texts sorted by length, 32 in a batch;

* the gradient of p(positive) at the embeddings with the attention held fixed, times the embeddings,
  in magnitude and normalised (section 4.1);
* leave-one-out: a pass over the batch without each position in turn (4.1);
* Kendall's tau-b by scipy, text by text, of attention with both and of both with each other (4.1);
* 100 permutations of the weights, with a pass of attention and decoder each (4.2.1);
* the adversarial search: 5 alternatives a text, 500 steps of Adam with amsgrad at a rate of .01,
  started from noise of deviation 3, 500 times the hinge of the answer's change beyond .01, and the
  mean divergence between alternatives as a reward (4.2.2).

Two things are left out that the authors' code computes and the paper does not use: two further
kinds of gradient, and gradients of the parameters. Both omissions make it faster.

As a module it is the process of somebody who runs it:
`python -m tests.benchmarks.original WEIGHTS DATA OUT`. It imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.benchmarks.researcher import BATCH, EOS, SOS, UNK, Plain, inner, pad

Array = NDArray[np.float64]
PERMUTATIONS = 100
ALTERNATIVES, STEPS, RATE = 5, 500, 0.01
EPSILON, SELECTED = 0.01, 0.05  # of the search, and of what the authors' figures keep
PENALTY, NOISE = 500, 3
TINY = 1e-10  # keeps the slope finite at weights of 0


@dataclass(frozen=True)
class Original:
    """A network with texts: `rows` of token ids with <SOS> and <EOS>, shortest first."""

    network: Plain
    rows: Sequence[Sequence[int]]

    def batches(self) -> list[tuple[Tensor, Tensor]]:
        """Token ids (B, T) and lengths (B,)."""
        starts = range(0, len(self.rows), BATCH)
        return [pad(self.rows[i : i + BATCH]) for i in starts]

    @torch.no_grad()
    def attention(self) -> list[Array]:
        """The weights of each text, on its words."""
        return _rows(
            (self.network.weights(self.network.states(*batch), batch[1]), batch[1])
            for batch in self.batches()
        )

    def gradients(self) -> list[Array]:
        """The magnitudes of gradient times input, of each text, adding up to 1."""
        network = self.network.requires_grad_(False)
        found = []
        for ids, lengths in self.batches():
            embeddings = network.embedding(ids).requires_grad_()
            states = network.read(embeddings, lengths)
            alpha = network.weights(states, lengths).detach()
            (slope,) = torch.autograd.grad(network.answer(states, alpha).sum(), embeddings)
            scores = (slope * embeddings.detach()).sum(-1).abs()
            scores = scores * inner(lengths, ids.shape[1])
            found.append((scores / scores.sum(1, keepdim=True), lengths))
        return _rows(iter(found))

    @torch.no_grad()
    def leave_one_out(self) -> list[Array]:
        """How far p(positive) moves without each word of each text."""
        found = []
        for ids, lengths in self.batches():
            whole = self.network(ids, lengths)
            moved = torch.zeros(ids.shape)
            for place in range(1, ids.shape[1] - 1):
                shorter = torch.cat([ids[:, :place], ids[:, place + 1 :]], dim=1)
                p = self.network(shorter, (lengths - 1).clamp_min(3))
                moved[:, place] = (p - whole).abs()
            found.append((moved, lengths))
        return _rows(iter(found))

    @torch.no_grad()
    def permutations(self, count: int = PERMUTATIONS) -> Array:
        """Of each text the median change of p(positive) over its permutations."""
        random = np.random.default_rng(0)
        medians = []
        for ids, lengths in self.batches():
            states = self.network.states(ids, lengths)
            own = self.network.answer(states, self.network.weights(states, lengths))
            moved = []
            for _ in range(count):
                alpha = self.network.weights(states, lengths)
                order = torch.arange(alpha.shape[1]).repeat(len(ids), 1)
                for row, n in enumerate(lengths.tolist()):
                    order[row, 1 : n - 1] = 1 + torch.from_numpy(random.permutation(n - 2))
                p = self.network.answer(states, alpha.gather(1, order))
                moved.append((p - own).abs())
            medians.append(np.median(torch.stack(moved).double().numpy(), axis=0))
        return np.concatenate(medians)

    def adversary(
        self, steps: int = STEPS, numbers: Sequence[int] | None = None
    ) -> tuple[Array, Array]:
        """Of each text the largest divergence found at a change of .01, and of .05; 0 for none.

        `numbers`: of these batches alone.
        """
        every = self.batches()
        found = []
        for number in range(len(every)) if numbers is None else numbers:
            ids, lengths = every[number]
            with torch.no_grad():
                states = self.network.states(ids, lengths)
                alpha = self.network.weights(states, lengths)

            def answer(weights: Tensor, states: Tensor = states) -> Tensor:
                return self.network.output(weights @ states).squeeze(-1).sigmoid()

            words = inner(lengths, ids.shape[1])
            found.append(search(alpha, answer, words, ALTERNATIVES, steps, number))
        strict, kept = zip(*found, strict=True)
        return np.concatenate(strict), np.concatenate(kept)

    def answers(self) -> Array:
        """p(positive) of each text."""
        with torch.no_grad():
            parts = [self.network(*batch) for batch in self.batches()]
        return torch.cat(parts).double().numpy()

    def everything(self, steps: int = STEPS) -> dict[str, Any]:
        """All of it, text by text, and the means that the paper's tables print."""
        from scipy.stats import kendalltau  # type: ignore[import-untyped]

        attention, gradient, loo = self.attention(), self.gradients(), self.leave_one_out()
        pairs = {
            "gradient": (attention, gradient),
            "leave_one_out": (attention, loo),
            "gradient~leave_one_out": (gradient, loo),
        }
        said = self.answers()
        found: dict[str, Any] = {"tau": {}, "summary": {}}
        for name, (one, other) in pairs.items():
            each = np.array([kendalltau(a, b) for a, b in zip(one, other, strict=True)])
            found["tau"][name] = each[:, 0].tolist()
            for label in (0, 1):
                tau, p = each[said.round() == label].T
                told = (np.nanmean(tau), np.nanstd(tau), np.mean(p <= 0.05)) if len(tau) else ()
                found["summary"][f"{name}, class {label}"] = [float(v) for v in told]
        found["permuted"] = self.permutations().tolist()
        found["jsd"], found["jsd_kept"] = (part.tolist() for part in self.adversary(steps))
        return found


def search(
    own: Tensor, answer: Any, words: Tensor, alternatives: int, steps: int, seed: int
) -> tuple[Array, Array]:
    """The largest divergences (B,) that the authors' search finds for a batch of texts.

    `own` (B, T) is the attention, and `words` (B, T) says where it may lie. `answer` takes weights
    (B, K, T) to p(positive) (B, K), or to probabilities of the classes (B, K, C). The first is of
    alternatives whose answer moves by at most .01, the second of the authors' own .05; 0 for none.
    """
    chance = torch.Generator().manual_seed(seed)
    places = words.unsqueeze(1)  # (B, 1, T)
    z = NOISE * torch.randn(len(own), alternatives, own.shape[1], generator=chance)
    z.requires_grad_()
    optimiser = torch.optim.Adam([z], lr=RATE, amsgrad=True)
    with torch.no_grad():
        before = answer(own.unsqueeze(1))

    def weigh() -> tuple[Tensor, Tensor, Tensor]:
        weights = z.masked_fill(~places, -torch.inf).softmax(-1)  # (B, K, T)
        change = (answer(weights) - before).abs()
        if change.ndim == 3:
            change = change.sum(-1) / 2
        return weights, jsd(weights, own.unsqueeze(1)), change

    for _ in range(steps):
        optimiser.zero_grad()
        weights, apart, change = weigh()
        loss = (PENALTY * (change - EPSILON).relu() - apart).sum()
        if alternatives > 1:
            between = jsd(weights.unsqueeze(1), weights.unsqueeze(2))  # (B, K, K)
            loss = loss - between.sum() / alternatives**2
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        _, apart, change = weigh()
    kept = [torch.where(change <= most, apart, 0).amax(1) for most in (EPSILON, SELECTED)]
    return kept[0].double().numpy(), kept[1].double().numpy()


def jsd(p: Tensor, q: Tensor) -> Tensor:
    """The Jensen-Shannon divergence over the last dimension, in nats."""
    return _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2


def _entropy(p: Tensor) -> Tensor:
    return -(p * (p + TINY).log()).sum(-1)


def _rows(batches: Iterator[tuple[Tensor, Tensor]]) -> list[Array]:
    """The words' part of each row of (B, T) with lengths (B,)."""
    return [
        row[1 : n - 1].double().numpy()
        for values, lengths in batches
        for row, n in zip(values, lengths.tolist(), strict=True)
    ]


def main(weights: str, data: str, out: str, steps: str = str(STEPS)) -> None:
    """Read the network and the texts, and write what was found, in the order of length."""
    torch.set_num_threads(1)
    stored = torch.load(weights, weights_only=True)
    state = stored["state"]
    size = state["embedding.weight"].shape
    network = Plain(*size, state["lstm.weight_hh_l0"].shape[1])
    network.load_state_dict(state)
    numbers = {word: 4 + i for i, word in enumerate(stored["words"])}
    with Path(data).open() as file:
        texts = [json.loads(line)["text"].split() for line in file]
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    rows = [[SOS, *(numbers.get(word, UNK) for word in texts[i]), EOS] for i in order]
    found = Original(network.eval(), rows).everything(int(steps))
    Path(out).write_text(json.dumps({"order": order, **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
