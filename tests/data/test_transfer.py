from __future__ import annotations

import torch

from attnaudit.data.batch import Batch
from attnaudit.data.transfer import sent
from tests.simulated import DEVICE, counting


def batch():
    ids = torch.tensor([[2, 5, 6, 7, 3], [2, 5, 6, 3, 0]])
    words = torch.tensor([[-1, 0, 1, 1, -1], [-1, 0, 1, -1, -1]])
    return Batch(ids, ids != 0, words, torch.zeros(2, dtype=torch.long), torch.arange(2))


def test_what_is_sent_is_not_waited_for():
    with counting() as waited:
        there = sent(torch.arange(3), DEVICE)
        assert (there.device, waited.total, waited.sent) == (DEVICE, 0, 1)
        assert there.tolist() == [0, 1, 2]
    here = torch.arange(3)
    assert sent(here, torch.device("cpu")) is here


def test_a_batch_on_a_device_is_edited_without_a_wait():
    whole = batch()
    kept = whole.words != 1
    with counting() as waited:
        there = whole.to(DEVICE)
        edits = [
            (there.select(torch.tensor([1])), whole.select(torch.tensor([1]))),
            (there.keep(kept), whole.keep(kept)),
            (there.replace(~kept, 4), whole.replace(~kept, 4)),
            (there.within(kept), whole.within(kept)),
        ]
        assert waited.total == 0
        assert there.host is whole
        for found, expected in edits:
            assert found.ids.device == DEVICE
            assert found.ids.tolist() == expected.ids.tolist()
            assert found.words.tolist() == expected.words.tolist()
            assert found.host.words.tolist() == expected.words.tolist()
        assert (
            there.per_word(there.ids.float()).tolist() == whole.per_word(whole.ids.float()).tolist()
        )


def test_a_mask_on_the_device_edits_ids_there():
    whole = batch()
    with counting() as waited:
        there = whole.to(DEVICE)
        masked = there.replace(there.words == 1, 4)
        assert waited.total == 0
        assert masked.ids.tolist() == whole.replace(whole.words == 1, 4).ids.tolist()
        assert masked.host.ids.tolist() == masked.ids.tolist()  # fetched, as nobody kept it
