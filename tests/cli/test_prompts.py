"""A language model that was trained a little, asked by prompt through the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from attnaudit.models.transformer.quiet import quiet_loading
from tests.models.transformer.language_models import network_of, tokenizer_of

TEMPLATE = "Review: {text} \nSentiment:"
GOOD, BAD, IDLE = ("fine", "really"), ("dull", "thin"), ("film", "plot", "cast", "is", "the", "it")


def texts(count, seed):
    """Texts of idle words and one word that decides, with the class that it decides."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        words = list(random.choice(IDLE, random.integers(3, 6)))
        good = bool(random.integers(2))
        words.insert(
            int(random.integers(len(words) + 1)), str(random.choice(GOOD if good else BAD))
        )
        yield " ".join(words), good


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model with a prompt and data beside it: it has learned to answer, by its last token."""
    made = tmp_path_factory.mktemp("asked")
    tokenizer = tokenizer_of(start=True)
    network = network_of("llama", tokenizer, num_hidden_layers=2).requires_grad_(True).train()
    words = tokenizer.convert_tokens_to_ids(["Ġbad", "Ġgood"])
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    pairs = list(texts(1280, 0))
    for start in range(0, len(pairs), 32):
        some = pairs[start : start + 32]
        prompts = [TEMPLATE.replace("{text}", text) for text, _ in some]
        given = tokenizer(prompts, return_tensors="pt", padding=True)
        logits = network(**given).logits
        last = logits[torch.arange(len(some)), given.attention_mask.sum(1) - 1]
        wanted = torch.tensor([words[int(good)] for _, good in some])
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(last, wanted).backward()
        optimiser.step()
    network.eval().save_pretrained(made / "lm")
    tokenizer.save_pretrained(made / "lm")
    rows = [{"text": t, "label": "pos" if good else "neg"} for t, good in texts(60, 1)]
    (made / "data.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (made / "prompt.yaml").write_text(
        'template: "Review: {text} \\nSentiment:"\nlabels: {neg: " bad", pos: " good"}\n'
    )
    return made


@pytest.fixture
def ask(cli, folder):
    def run(command, *more):
        place = [str(folder / name) for name in ("lm", "data.jsonl")]
        return cli(*command.split(), *place, "--prompt", str(folder / "prompt.yaml"), *more)

    return run


def read(folder, text):
    """The probabilities of the label words, by transformers alone."""
    with quiet_loading():
        tokenizer = AutoTokenizer.from_pretrained(folder / "lm")
        network = AutoModelForCausalLM.from_pretrained(folder / "lm").eval()
    words = tokenizer.convert_tokens_to_ids(["Ġbad", "Ġgood"])
    with torch.no_grad():
        ids = tokenizer(TEMPLATE.replace("{text}", text), return_tensors="pt").input_ids
        return network(ids).logits[0, -1, words].softmax(-1)


def test_leave_one_out_is_what_it_is_by_hand(ask, folder, tmp_path):
    records = tmp_path / "records.jsonl"
    result = ask("correlate --quiet", "--limit", "12", "--records", str(records), "--text")
    assert result.code == 0
    lines = [json.loads(line) for line in records.read_text().splitlines()][1:-1]
    assert len(lines) == 12
    for line in lines:
        own = read(folder, " ".join(line["tokens"]))
        assert np.allclose(line["probs"], own, atol=1e-5)
        for k, importance in enumerate(line["importance"]["leave_one_out"]):
            left = [word for at, word in enumerate(line["tokens"]) if at != k]
            moved = (read(folder, " ".join(left)) - own).abs().sum() / 2
            assert abs(float(moved) - abs(importance)) < 1e-4


@pytest.mark.parametrize("command", ["permute", "erase", "adversary", "heads"])
def test_every_test_that_trains_nothing_can_be_asked(ask, command):
    result = ask(f"{command} --json --quiet --limit 30")
    assert result.code == 0
    report = json.loads(result.out)
    assert report["metrics"]["model.accuracy"]["value"] > 0.9
    assert report["model"]["architecture"] == "LlamaForCausalLM"
    assert report["model"]["prompt"]["words"] == {"neg": " bad", "pos": " good"}


def test_the_report_says_how_the_model_was_asked(ask):
    result = ask("permute --limit 20")
    assert "asked by prompt" in result.out
    assert "of 2 layers" in result.out


def test_questions_that_train_models_are_refused(ask, folder):
    result = ask("adversary --lambda 0.1")
    assert result.code == 2
    assert "a language model that is asked by prompt was trained on other things" in result.err
    result = ask("audit --train --skip correlate --skip erase --skip adversary --limit 10 -o out")
    assert result.code == 2
    assert "seed-baseline trains models anew" in result.err


def test_a_prompt_with_a_mistake_is_refused_before_anything_is_loaded(cli, folder, tmp_path):
    wrong = tmp_path / "prompt.yaml"
    wrong.write_text("template: 'no place'\nlabels: {a: x, b: y}\n")
    place = [str(folder / name) for name in ("lm", "data.jsonl")]
    result = cli("permute", *place, "--prompt", str(wrong))
    assert result.code == 2
    assert "prompt.yaml:1: template: has no {text}" in result.err
