"""Leave-one-out of a BERT.

By deletion against one padded pass for each position of texts sorted by length, and against a call
for each sentence with all its shorter texts, which needs hardly any padding; by mask against
captum's FeatureAblation with all words of a sentence in one call. All rivals run the network as
transformers gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnaudit.data.batch import Batch, collate
from tests.benchmarks.alike import alike, equal
from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side, Target
from tests.benchmarks.subjects import (
    Scores,
    Subject,
    bert_on_pieces,
    bert_on_sst2,
    plain_bert,
)
from tests.benchmarks.with_captum import attributions

SENTENCES = 32
LOOP = "sorted, a pass per position"
SENTENCE = "a sentence's shorter texts per call"
CAPTUM = "captum FeatureAblation, a sentence per call"
ALIKE = equal(1e-5)


def answer(network: Any, batch: Batch) -> Tensor:
    """Class probabilities (B, C) of the plain network."""
    return network(input_ids=batch.ids, attention_mask=batch.mask.long()).logits.softmax(-1)


def _whole(subject: Subject) -> list[Batch]:
    """The texts sorted by length, 32 to a batch."""
    return [collate(some, subject.vocabulary, boundaries=True) for some in subject.by_length()]


@torch.no_grad()
def position_by_position(subject: Subject, network: Any, positions: int | None = None) -> Scores:
    """The obvious loop: (texts, words), NaN behind the first `positions`, where these are given."""
    found = []
    whole = _whole(subject)
    for batch in whole:
        probs = answer(network, batch)
        moved = torch.zeros(len(batch), int(batch.word_counts.max()))
        for word in range(moved.shape[1]):
            if positions is not None and word >= positions:
                moved[:, word] = torch.nan
                continue
            rows = (word < batch.word_counts).nonzero().squeeze(1)
            some = batch.select(rows)
            shorter = some.keep(some.words != word)
            said = answer(network, shorter)
            moved[rows, word] = (said - probs[rows]).abs().sum(-1) / 2
        found.append(moved.numpy())
    return subject.by_row(whole, found)


@torch.no_grad()
def sentence_by_sentence(subject: Subject, network: Any) -> Scores:
    """The other obvious loop: all shorter texts of a sentence in one call."""
    found = []
    whole = _whole(subject)
    for batch in whole:
        moved = torch.zeros(len(batch), int(batch.word_counts.max()))
        for row, count in enumerate(batch.word_counts.tolist()):
            some = batch.select(torch.full((count + 1,), row))
            gone = torch.arange(-1, count).unsqueeze(1)  # of the first row nothing
            said = answer(network, some.keep((some.words != gone) | (gone < 0)))
            moved[row, :count] = (said[1:] - said[:1]).abs().sum(-1) / 2
        found.append(moved.numpy())
    return subject.by_row(whole, found)


@torch.no_grad()
def with_captum(subject: Subject, network: Any) -> Scores:
    """Masking by FeatureAblation."""

    def positive(ids: Tensor, mask: Tensor) -> Tensor:
        return network(input_ids=ids, attention_mask=mask).logits.softmax(-1)[:, 1]

    ablation = attributions().FeatureAblation(positive)
    mask_token = subject.model.mask_token
    assert mask_token is not None
    whole = _whole(subject)
    found = []
    for batch in whole:
        moved = torch.zeros(len(batch), int(batch.word_counts.max()))
        for row in range(len(batch)):
            one = batch.select(torch.tensor([row]))
            given = ablation.attribute(
                one.ids,
                baselines=torch.where(one.content, mask_token, one.ids),
                additional_forward_args=(one.mask.long(),),
                feature_mask=one.words + 1,
                perturbations_per_eval=int(one.word_counts[0]),
            )
            moved[row, one.words[one.content]] = given[one.content].abs().to(moved)
        found.append(moved.numpy())
    return subject.by_row(whole, found)


def useful_flops(subject: Subject) -> float:
    """The matrix products that deletion needs, by deletion: whole texts without padding.

    Each shorter text once through all blocks; in the last one keys and values of all positions,
    and the rest of one row. A multiplication and an addition are two operations.
    """
    network: Any = subject.model.network
    config = network.config
    width, inner = config.hidden_size, config.intermediate_size
    per_row = 2 * width * (2 * width + 2 * inner)  # queries, output, and two feed-forward maps
    total = 0.0
    for instance in subject.instances:
        pieces = np.bincount(instance.words)  # of each word
        rows = len(instance.tokens) - pieces + subject.vocabulary.lengths(0, None, True)[0]
        block = rows * (4 * width * width + per_row) + 4 * width * rows**2
        last = rows * 4 * width * width + per_row + 4 * width * rows
        total += ((config.num_hidden_layers - 1) * block + last).sum()
    return float(total) / subject.words


def _agree(ours: Scores, theirs: Scores) -> None:
    ALIKE(np.where(np.isnan(theirs), np.nan, ours), theirs)


def _deletion(
    subject: Subject, network: Any, positions: int | None = None, target: bool = True
) -> Case:
    counts = [i.words[-1] + 1 for i in subject.instances]
    done = sum(n if positions is None else min(n, positions) for n in counts)
    targets = (
        Target(f"ratio: {LOOP}", 2.4),
        Target(f"ratio: {SENTENCE}", 2.4),
        Target("share of the matmul peak", 0.75),
    )
    rivals = {
        LOOP: Rival(lambda: position_by_position(subject, network, positions), done, agree=_agree)
    }
    if positions is None:
        rivals[SENTENCE] = Rival(lambda: sentence_by_sentence(subject, network), done, agree=_agree)
    return Case(
        size={"tokens": max(len(i.tokens) for i in subject.instances) + 2},
        unit="deletion",
        ours=Side(lambda: subject.importance("leave_one_out"), subject.words),
        rivals=rivals,
        targets=targets if target else (),
        flops=useful_flops(subject),
        same=alike(1e-5),
    )


def _mask(subject: Subject, network: Any) -> Case:
    attributions()
    return Case(
        size={"tokens": max(len(i.tokens) for i in subject.instances) + 2},
        unit="mask",
        ours=Side(lambda: subject.importance("leave_one_out_mask"), subject.words),
        rivals={CAPTUM: Rival(lambda: with_captum(subject, network), subject.words, agree=_agree)},
        targets=(Target(f"ratio: {CAPTUM}", 1.4),),
        same=alike(1e-5),
    )


def deletions(toy: bool) -> Mapping[str, Build]:
    """Sentences as they come, and long texts."""
    if toy:
        return {"toy": lambda: _deletion(bert_on_sst2(5, True), plain_bert(True))}
    return {
        "32 sentences of sst2": lambda: _deletion(
            bert_on_sst2(SENTENCES, False), plain_bert(False)
        ),
        "2 texts of 128 pieces": lambda: _deletion(
            bert_on_pieces(2, 128, False), plain_bert(False), 16, False
        ),
    }


def masks(toy: bool) -> Mapping[str, Build]:
    """Sentences as they come."""
    if toy:
        return {"toy": lambda: _mask(bert_on_sst2(5, True), plain_bert(True))}
    return {
        "32 sentences of sst2": lambda: _mask(bert_on_sst2(SENTENCES, False), plain_bert(False))
    }


BERT_DELETION = Benchmark("bert-deletion", "leave-one-out of minilm-sst2 by deletion", deletions)
BERT_MASK = Benchmark("bert-mask", "leave-one-out of minilm-sst2 by its mask token", masks)
