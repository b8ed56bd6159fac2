from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.execution.observer import Silent
from attnaudit.models.predict import Batches, Halving, predict

CPU = torch.device("cpu")
LENGTHS = [5, 2, 7, 1, 3, 6, 2]


class Listener(Silent):
    def __init__(self):
        self.remarks = []

    def say(self, remark):
        self.remarks.append(remark)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ["bilstm", "cnn", "average"])
def test_answers_do_not_depend_on_how_texts_are_batched(
    make_model, make_instances, vocabulary, encoder, paired
):
    model = make_model(encoder, classes=3, paired=paired, dtype=torch.float32)
    texts = make_instances(LENGTHS, paired=paired)
    single = Batches(texts, vocabulary, True, CPU, budget=1)
    together = Batches(texts, vocabulary, True, CPU)
    assert [len(batch) for batch in single] == [1] * len(texts)
    assert [len(batch) for batch in together] == [len(texts)]
    np.testing.assert_allclose(predict(model, single), predict(model, together), atol=1e-6)


def test_answers_stand_in_the_order_of_the_rows(make_model, make_instances, vocabulary):
    model = make_model("bilstm", classes=3)
    texts = make_instances(LENGTHS)
    expected = []
    for text in texts:
        logits = model(collate([text], vocabulary, boundaries=True)).detach()
        expected.append(logits[0].softmax(-1).numpy())
    found = predict(model, Batches(texts[::-1], vocabulary, True, CPU, budget=16))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.dtype == np.float64


def test_prediction_is_in_eval_mode_and_leaves_no_graph(make_model, make_instances, vocabulary):
    model = make_model().train()
    modes = []
    model.register_forward_hook(lambda m, _, out: modes.append((m.training, out.requires_grad)))
    predict(model, Batches(make_instances([3]), vocabulary, True, CPU))
    assert modes == [(False, False)]


def test_the_budget_counts_the_specials(make_instances, vocabulary):
    texts = make_instances([3, 3, 3, 3])
    framed = Batches(texts, vocabulary, boundaries=True, device=CPU, budget=10)
    assert [batch.ids.shape for batch in framed] == [(2, 5), (2, 5)]
    bare = Batches(texts, vocabulary, boundaries=False, device=CPU, budget=10)
    assert [batch.ids.shape for batch in bare] == [(3, 3), (1, 3)]


def test_parts_are_the_batches_one_by_one(make_instances, vocabulary):
    """Of the same budget: what is cut into chunks within a batch goes by it."""
    whole = Batches(make_instances([5, 2, 7, 30, 3, 6, 2]), vocabulary, True, CPU, budget=20)
    assert len(whole) > 2
    for number, batch in enumerate(whole):
        part = whole.part(number)
        (alone,) = part
        assert torch.equal(alone.rows, batch.rows)
        assert torch.equal(alone.ids, batch.ids)
        assert part.budget == 20
        assert part.memory is whole.memory


def test_pieces_reach_the_batches(make_instance, vocabulary):
    text = make_instance(["w0", "w1"], words=[0, 0])
    (words,) = Batches([text], vocabulary, False, CPU)
    (pieces,) = Batches([text], vocabulary, False, CPU, pieces=True)
    assert words.words.tolist() == [[0, 0]]
    assert pieces.words.tolist() == [[0, 1]]


def memory_for(most):
    """Work that fits in memory for at most so many texts, and a list of the sizes tried."""
    tried = []

    def work(batch):
        tried.append(len(batch))
        if len(batch) > most:
            raise torch.OutOfMemoryError("fake")
        return batch.rows.tolist()

    return work, tried


def test_halving_does_nothing_while_memory_lasts(make_batch):
    listener = Listener()
    work, tried = memory_for(8)
    assert list(Halving().results(work, [make_batch([2] * 5)], listener)) == [[0, 1, 2, 3, 4]]
    assert tried == [5]
    assert not listener.remarks


def test_halving_splits_until_it_fits_and_keeps_the_order(make_batch):
    listener = Listener()
    work, tried = memory_for(2)
    parts = list(Halving().results(work, [make_batch([2] * 7), make_batch([2] * 3)], listener))
    assert [row for part in parts for row in part] == [*range(7), *range(3)]
    # Tried at 7 texts and at 3; what is larger than half of a failure is never tried again.
    assert tried == [7, 2, 2, 3, 1, 1, 1, 1, 1, 1]
    assert listener.remarks == ["out of memory: continuing with smaller batches"]


def test_one_text_that_does_not_fit_is_the_end(make_batch):
    listener = Listener()
    work, tried = memory_for(0)
    with pytest.raises(torch.OutOfMemoryError, match="fake"):
        list(Halving().results(work, [make_batch([2] * 2)], listener))
    assert tried == [2, 1]
    assert len(listener.remarks) == 1


def test_other_errors_pass_through_halving(make_batch):
    def work(batch):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        list(Halving().results(work, [make_batch([2] * 2)], Silent()))
