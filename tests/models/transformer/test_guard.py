"""What a config.json of a stranger cannot do: load code, or fill the machine."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc

import pytest
import transformers.dynamic_module_utils as dynamic
from transformers import modeling_utils
from transformers.integrations import hub_kernels

from attnaudit.errors import ModelError
from attnaudit.models.transformer.guard import no_kernels
from attnaudit.models.transformer.loading import load_classifier
from attnaudit.models.transformer.opening import open_reference
from attnaudit.models.transformer.reference import Reference

KERNEL = "some-org/kernel"


@pytest.fixture
def loaders(monkeypatch):
    """Whatever transformers would load code with, replaced by a note that it was asked."""
    asked = []
    for module, name in (
        (hub_kernels, "get_kernel"),
        (hub_kernels, "lazy_load_kernel"),
        (hub_kernels, "load_and_register_attn_kernel"),
        (modeling_utils, "lazy_import_flash_attention"),
        (dynamic, "get_class_from_dynamic_module"),
        (dynamic, "get_cached_module_file"),
    ):
        if hasattr(module, name):
            monkeypatch.setattr(
                module, name, lambda *args, name=name, **kwargs: asked.append((name, args))
            )
    return asked


def load(folder):
    opened = open_reference(Reference(str(folder)))
    opened.reading()
    return opened, load_classifier(opened)


def edit(folder, name="config.json", **changes):
    path = folder / name
    old = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**old, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"_attn_implementation": KERNEL},
        {"attn_implementation": KERNEL},
        {"_attn_implementation_internal": KERNEL},
        {"attn_implementation": {"": "eager", "text_config": KERNEL}},
        {"text_config": {"_attn_implementation": KERNEL}},
        {"parts": [{"deep": {"attn_implementation": KERNEL}}]},
        {"_experts_implementation": "sonicmoe"},
        {"fusion_config": {"patches": ["x"]}},
        {"use_kernels": True},
        {"transformers_weights": "other.safetensors"},
    ],
)
def test_code_of_strangers_is_named_and_refused(write_pretrained, tmp_path, loaders, changes):
    folder = write_pretrained(tmp_path / "m", head=2)
    edit(folder, **changes)
    with pytest.raises(ModelError, match=r"config.json asks to load code or files") as caught:
        load(folder)
    assert str(caught.value).endswith(
        "remove that key: attnaudit runs only the code of transformers"
    )
    assert loaders == []


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("config.json", {"_attn_implementation": "flash_attention_2"}),
        ("config.json", {"auto_map": {"AutoModelForSequenceClassification": "evil.Model"}}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.Slow", "evil.Fast"]}}),
        ("generation_config.json", {"custom_generate": KERNEL, "cache_implementation": KERNEL}),
    ],
)
def test_what_names_other_code_is_not_followed(write_pretrained, tmp_path, loaders, name, changes):
    folder = write_pretrained(tmp_path / "m", head=2)
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    edit(folder, name, **changes)
    opened, model = load(folder)
    assert opened.config._attn_implementation == "eager"
    assert loaders == []
    assert type(model.network).__module__.startswith("transformers.")


def test_a_quantised_model(write_pretrained, tmp_path, loaders):
    folder = write_pretrained(tmp_path / "m", head=2)
    edit(folder, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})
    with pytest.raises(ModelError, match=r"is quantised \('bitsandbytes'\)"):
        load(folder)
    assert loaders == []


def test_kernels_cannot_be_imported_while_a_model_loads(monkeypatch):
    monkeypatch.delitem(sys.modules, "kernels", raising=False)
    with no_kernels(), pytest.raises(ImportError):
        __import__("kernels")
    assert "kernels" not in sys.modules


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("bert", {"num_hidden_layers": 10**9}),
        ("mistral", {"num_hidden_layers": 10**9, "num_key_value_heads": 1}),
        ("albert", {"num_hidden_layers": 10**9, "embedding_size": 16}),
        ("bert", {"num_labels": 10**9}),
        ("bert", {"vocab_size": 10**9}),
        ("bert", {"vocab_size": 1 << 24}),
        ("bert", {"hidden_size": 1 << 20, "intermediate_size": 1 << 20}),
        ("gpt2", {"n_positions": 10**9, "n_head": 2}),
    ],
)
def test_a_network_that_would_fill_the_machine(write_pretrained, tmp_path, kind, changes):
    sizes = {name: value for name, value in changes.items() if value < 100}
    if kind == "albert":
        sizes = {"embedding_size": 16}
    folder = write_pretrained(tmp_path / "m", kind, head=2, **sizes)
    edit(folder, **changes)
    tracemalloc.start()
    begun = time.process_time()
    with pytest.raises(ModelError, match=r"its config.json (asks for|describes a network of)"):
        load(folder)
    spent, (_, peak) = time.process_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 3  # under tracemalloc, and on a busy machine
    assert peak < 100e6


@pytest.mark.parametrize("depth", [10, 100_000])
def test_a_configuration_as_deep_as_it_is_long(write_pretrained, tmp_path, depth):
    folder = write_pretrained(tmp_path / "m", head=2)
    text = (folder / "config.json").read_text().rstrip().removesuffix("}")
    (folder / "config.json").write_text(f'{text}, "deep": {"[" * depth}{"]" * depth}}}')
    if depth == 10:
        load(folder)
    else:
        with pytest.raises(ModelError, match=r"config.json cannot be read"):
            load(folder)


def test_a_configuration_of_many_megabytes(write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "m", head=2)
    with (folder / "config.json").open("ab") as file:
        file.truncate(17 << 20)
    with pytest.raises(ModelError, match=r"its config.json is larger than 16 MB"):
        load(folder)
