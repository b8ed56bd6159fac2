from __future__ import annotations

import pytest
import torch

from attnaudit.data import store
from attnaudit.models.lengths import Texts
from attnaudit.models.predict import Batches


@pytest.mark.parametrize("paired", [False, True])
def test_lengths_of_a_large_data_set_are_known_without_making_its_texts(
    make_instances, vocabulary, monkeypatch, paired
):
    few = make_instances([3, 5, 8, 2], paired)
    expected = Texts.of(Batches(few, vocabulary, True, torch.device("cpu"), 20))
    monkeypatch.setattr(store, "MOST_TOKENS", 0)
    kept = store.Instances(few)
    monkeypatch.setattr(store, "_instance", lambda line: pytest.fail("a text was made"))
    texts = Texts.of(Batches(kept, vocabulary, True, torch.device("cpu"), 20))
    assert texts.words.tolist() == texts.items.tolist() == [3, 5, 8, 2]
    assert texts.tokens.tolist() == expected.tokens.tolist()
    assert texts.batch.tolist() == expected.batch.tolist()
