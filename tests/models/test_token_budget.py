from __future__ import annotations

import pytest
import torch

from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models import token_budget
from attnaudit.models.predict import Batches
from attnaudit.models.token_budget import WEIGHTS, most_tokens, suitable_tokens

GIB = 2**30


@pytest.mark.parametrize(
    ("bytes_a_token", "total", "free", "tokens"),
    [
        (2**20 - WEIGHTS, 128 * GIB, 128 * GIB, 2**15),  # a quarter of it
        (2**20 - WEIGHTS, 128 * GIB, 32 * GIB, 2**14),  # half of what is free
        (2**20 - WEIGHTS, 100 * GIB, 100 * GIB, 2**14),  # a power of 2
        (1, 128 * GIB, 128 * GIB, 2**16),
        (2**30, 8 * GIB, GIB, 4096),  # too many: batches are halved where memory runs out
    ],
)
def test_tokens_are_as_many_as_the_memory_holds(bytes_a_token, total, free, tokens):
    assert most_tokens(bytes_a_token, total, free) == tokens


def batches(make_instances, device):
    return Batches(make_instances([3, 5, 8]), Vocabulary(["w1"]), True, torch.device(device))


def test_a_cpu_is_not_measured(make_instances, make_model, monkeypatch):
    monkeypatch.setattr(token_budget, "device_bytes", None)
    assert suitable_tokens(make_model(), batches(make_instances, "cpu")) == 4096


def test_a_gpu_is_measured_on_a_gradient_of_the_longest_texts(
    make_instances, make_model, make_batch, monkeypatch
):
    model, seen = make_model("bilstm"), []

    def part(self, number):
        return [make_batch([8, 3])]

    def measured(device, work):
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: seen.append(x.shape) or x, lambda x: x
        ):
            work()
        return 20 * 2**20  # bytes, of 20 tokens

    monkeypatch.setattr(Batches, "part", part)
    monkeypatch.setattr(token_budget, "device_bytes", measured)
    monkeypatch.setattr(token_budget, "device_room", lambda device: (128 * GIB, 128 * GIB))
    expected = most_tokens(2**20, 128 * GIB, 128 * GIB)
    assert suitable_tokens(model, batches(make_instances, "cuda")) == expected
    assert seen  # a graph was made

    def full(device, work):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(token_budget, "device_bytes", full)
    assert suitable_tokens(model, batches(make_instances, "cuda")) == 4096
