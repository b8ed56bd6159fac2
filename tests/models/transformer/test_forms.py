"""Folders that are nearly a classifier, each told what to do in one line."""

from __future__ import annotations

import json

import pytest

from attnaudit.errors import ModelError
from attnaudit.models.transformer.forms import weights_error
from attnaudit.models.transformer.loading import load_classifier
from attnaudit.models.transformer.opening import open_reference
from attnaudit.models.transformer.reference import Reference


def said_of(folder):
    with pytest.raises(ModelError) as caught:
        load_classifier(open_reference(Reference(str(folder))))
    said = str(caught.value)
    assert "\n" not in said
    return said.removeprefix(f"{folder}: ")


@pytest.mark.parametrize("whole", [False, True])
def test_a_lora_folder(write_pretrained, tmp_path, whole):
    folder = tmp_path / "m"
    if whole:  # beside the model, transformers would load the adapter's base from elsewhere
        write_pretrained(folder, head=2)
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "base_model_name_or_path": "meta-llama/Llama-3.2-1B"})
    )
    (folder / "adapter_model.safetensors").write_bytes(b"")
    assert said_of(folder) == (
        "is a PEFT adapter such as LoRA for 'meta-llama/Llama-3.2-1B', not a whole model; merge it:"
        " load it with peft's AutoPeftModelForSequenceClassification, call merge_and_unload(), then"
        " save_pretrained into a new folder, the tokenizer too"
    )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"base_model_name_or_path": 3}', "[" * 10**5])
def test_an_adapter_that_does_not_say_its_base(tmp_path, content):
    (tmp_path / "adapter_config.json").write_text(content)
    assert said_of(tmp_path).startswith("is a PEFT adapter such as LoRA, not a whole model; merge")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "has no config.json; save the model with save_pretrained, and its tokenizer next to"),
        (
            ["m-q4.gguf"],
            "has no config.json: it contains GGUF, a format for generating text; audit the",
        ),
        (["modules.json"], "has no config.json: it is a model of sentence-transformers; audit a"),
        (
            ["model.onnx"],
            "has no config.json: it contains ONNX, a format that does not show what happens inside",
        ),
        (["checkpoint-500/config.json"], "has no config.json; did you mean the folder"),
    ],
)
def test_no_configuration(tmp_path, files, said):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("{}")
    assert said_of(tmp_path).startswith(said)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            ["pytorch_model.bin"],
            "has its weights only as pickle files; convert them if you trus",
        ),
        (["pytorch_model-00001-of-00002.bin"], "has its weights only as pickle files"),
        (["tf_model.h5"], "has its weights only for TensorFlow; convert them: from_"),
        (
            ["flax_model.msgpack"],
            "has its weights only for Flax; convert them: from_pretr",
        ),
        (["model.gguf"], "has its weights only as GGUF; audit the model from which it was made"),
        (["model.onnx"], "has its weights only as ONNX; audit the model from which it was made"),
        (
            ["adapter_config.json", "adapter_model.bin"],
            "is a PEFT adapter such as LoRA",
        ),
        (["config.json"], "has no model.safetensors; save the model with save_pretrained"),
    ],
)
def test_other_forms_of_weights(files, said):
    assert str(weights_error(files, "m")).startswith(f"m: {said}")


def test_a_model_that_compares_sentences(write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "m")
    (folder / "modules.json").write_text("[]")
    assert said_of(folder).endswith(
        "it is a model of sentence-transformers, which compares texts: audit a classifier"
    )
