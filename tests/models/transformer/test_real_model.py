"""A BERT that somebody fine-tuned, on the sentences it was fine-tuned for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from attnaudit.data.batch import collate
from attnaudit.data.loading import load_dataset
from attnaudit.data.reader import read_rows
from attnaudit.data.spec import load_spec
from attnaudit.models.load import find_model

SHARED = Path(__file__).parents[4] / "shared"
MODEL, DATA = SHARED / "models" / "minilm-sst2", SHARED / "data" / "sst2" / "test.jsonl"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (MODEL.is_dir() and DATA.is_file()), reason="minilm-sst2 and SST-2 are not here"
    ),
]


@torch.no_grad()
def test_minilm_answers_as_transformers_does_and_keeps_the_laws():
    source = find_model(str(MODEL), 0)
    spec = load_spec(DATA, source.reading, source.limits)
    data = load_dataset(spec, labels=source.labels_in(spec, "all"), limit=64)
    loaded = source.load(data, None, torch.device("cpu"), torch.float32)  # checks them
    model = loaded.model
    batch = collate(data.instances, loaded.spec.vocabulary, boundaries=True)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    ours = model.read(encoded, alpha.unsqueeze(1))[:, 0]
    assert (ours - model(batch)).abs().max() <= 1e-5
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    theirs = AutoModelForSequenceClassification.from_pretrained(
        MODEL, attn_implementation="eager", dtype=torch.float32
    )
    texts = [row["text"] for _, row in read_rows(DATA, ["text"])]
    inputs = tokenizer(
        [texts[i.line - 1] for i in data.instances], padding=True, return_tensors="pt"
    )
    assert torch.equal(batch.ids, inputs["input_ids"])
    given = theirs.eval()(**inputs, output_attentions=True)
    torch.testing.assert_close(ours, given.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(alpha, given.attentions[-1][:, :, 0], atol=1e-6, rtol=1e-5)
    gold = torch.tensor([i.label for i in data.instances])
    assert (ours.argmax(1) == gold).float().mean() > 0.8
