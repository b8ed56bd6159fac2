from __future__ import annotations

import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.execution import device as device_module
from attnaudit.execution.borrowed import borrowed
from attnaudit.execution.device import (
    DTYPES,
    FACTOR,
    choose_device,
    choose_dtype,
    is_rounded,
    multiply_exactly,
    prepare_cpu,
    rounding_allowed,
)


@pytest.mark.parametrize(("cuda", "chosen"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch, cuda, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert choose_device("auto") == torch.device(chosen)
    assert choose_device("cpu") == torch.device("cpu")


def test_a_named_device_that_is_there_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("cuda").type == "cuda"
    assert choose_device("mps").type == "mps"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_missing_is_an_input_error(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"--device {name}: this machine has no {name}") as caught:
        choose_device(name)
    assert str(caught.value).endswith("use --device auto or --device cpu")


def test_an_apple_gpu_has_no_float64():
    with pytest.raises(InputError, match="--dtype float64: an mps device has no float64; use --dt"):
        choose_dtype("float64", torch.device("mps"))
    assert choose_dtype("float32", torch.device("mps")) is torch.float32
    assert choose_dtype("float64", torch.device("cpu")) is torch.float64


def test_threads_reach_torch():
    before = torch.get_num_threads()
    try:
        for threads in (2, 1):
            prepare_cpu(threads)
            assert torch.get_num_threads() == threads
    finally:
        prepare_cpu(before)


def test_dtypes_are_named_as_torch_names_them():
    assert {name: str(dtype) for name, dtype in DTYPES.items()} == {
        "float32": "torch.float32",
        "float64": "torch.float64",
        "bfloat16": "torch.bfloat16",
        "float16": "torch.float16",
    }


@pytest.fixture
def switches():
    """Sets and shows whether float32 products may be rounded."""

    def switch(allowed=None):
        if allowed is not None:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    with borrowed():
        yield switch


def test_figures_are_multiplied_exactly_whatever_was_asked_before(switches):
    torch.set_float32_matmul_precision("medium")
    switches(True)
    multiply_exactly(torch.device("cpu"))
    assert switches() == (False, False)
    switches(False)  # torch reads no setting that was made in two ways
    assert torch.get_float32_matmul_precision() == "highest"


def test_training_on_a_gpu_may_round_and_leaves_it_as_it_was(switches):
    switches(False)
    with rounding_allowed(torch.device("cuda")):
        assert switches() == (True, True)
    assert switches() == (False, False)
    with rounding_allowed(torch.device("cpu")):
        assert switches() == (False, False)


def test_a_gpu_that_rounds_although_it_is_told_not_to_is_an_input_error(monkeypatch):
    exact = torch.full((3, 3), FACTOR) @ torch.eye(3)
    assert not is_rounded(exact)
    assert is_rounded(exact.bfloat16().float())
    # Ten bits of a factor, as TF32 has them.
    assert is_rounded(((exact - 1) * 2**10).round() / 2**10 + 1)
    monkeypatch.setattr(device_module, "is_rounded", lambda products: True)
    device_module._check_products.cache_clear()
    with pytest.raises(InputError, match="--device cpu: this GPU rounds the factors of products"):
        device_module._check_products(torch.device("cpu"))
