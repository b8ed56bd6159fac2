"""Leave-one-out on a real BERT, against the loop of a first attempt and against captum."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.data.dataset import load_dataset
from attnaudit.data.spec import DatasetSpec
from attnaudit.importance.leave_one_out import leave_one_out, leave_one_out_mask
from attnaudit.models.load import find_model
from attnaudit.models.predict import BATCH_TOKENS

pytestmark = [pytest.mark.benchmark, pytest.mark.filterwarnings("ignore")]  # captum's own

SHARED = Path(__file__).parents[2].parent / "shared"
MODEL, TEXTS = SHARED / "models" / "minilm-sst2", SHARED / "data" / "sst2" / "test.jsonl"


@pytest.fixture(scope="module")
def known():
    """The model, 32 sentences as one batch, and its answers to them."""
    for path in (MODEL, TEXTS):
        if not path.exists():
            pytest.skip(f"{path} is not there")
    source = find_model(str(MODEL), 0)
    reading = {name: getattr(source.reading, name) for name in type(source.reading).model_fields}
    data = load_dataset(DatasetSpec(file=TEXTS, **reading), "all", labels=source.labels, limit=32)
    loaded = source.load(data, None, torch.device("cpu"), torch.float32)
    batch = collate(data.instances, loaded.spec.vocabulary, boundaries=True)
    with torch.no_grad():
        return loaded.model, batch, loaded.model(batch).softmax(-1)


def answer(model, ids, mask):
    return model.network(input_ids=ids, attention_mask=mask).logits.softmax(-1)


@torch.no_grad()
def position_by_position(model, batch, probs):
    """The obvious loop: one padded forward pass for the first words of all, then the second."""
    moved = torch.zeros(len(batch), int(batch.word_counts.max()))
    for word in range(moved.shape[1]):
        rows = (word < batch.word_counts).nonzero().squeeze(1)
        some = batch.select(rows)
        shorter = some.keep(some.words != word)
        said = answer(model, shorter.ids, shorter.mask.long())
        moved[rows, word] = (said - probs[rows]).abs().sum(-1) / 2
    return moved


@torch.no_grad()
def with_captum(model, batch, mask_token):
    """Masking by FeatureAblation, all words of a sentence in one call."""
    attr = pytest.importorskip("captum.attr")
    ablation = attr.FeatureAblation(lambda ids, mask: answer(model, ids, mask)[:, 1])
    moved = torch.zeros(len(batch), int(batch.word_counts.max()))
    for row in range(len(batch)):
        one = batch.select(torch.tensor([row]))
        count = int(one.word_counts[0])
        found = ablation.attribute(
            one.ids,
            baselines=torch.where(one.content, mask_token, one.ids),
            additional_forward_args=(one.mask.long(),),
            feature_mask=one.words + 1,
            perturbations_per_eval=count,
        )
        moved[row, one.words[one.content]] = found[one.content].abs()
    return moved


def test_deletion_against_a_padded_pass_per_position(known, seconds, figure):
    model, batch, probs = known
    ours = leave_one_out(model, batch, probs, BATCH_TOKENS)
    assert torch.allclose(ours, position_by_position(model, batch, probs), atol=1e-5)
    fast = seconds(lambda: leave_one_out(model, batch, probs, BATCH_TOKENS))
    slow = seconds(lambda: position_by_position(model, batch, probs))
    figure(f"leave-one-out by deletion, BERT: 1.0, a padded pass per position {slow / fast:.2f}")


def test_masking_against_captum(known, seconds, figure):
    model, batch, probs = known
    ours = leave_one_out_mask(model, batch, probs, BATCH_TOKENS, model.mask_token)
    assert torch.allclose(ours, with_captum(model, batch, model.mask_token), atol=1e-5)
    fast = seconds(lambda: leave_one_out_mask(model, batch, probs, BATCH_TOKENS, model.mask_token))
    slow = seconds(lambda: with_captum(model, batch, model.mask_token))
    figure(f"leave-one-out by masking, BERT: 1.0, captum's FeatureAblation {slow / fast:.2f}")
