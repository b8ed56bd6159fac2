"""What each question waits for on a device: a GPU stands idle for as long as the host waits."""

from __future__ import annotations

import random

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from attnaudit.data.batch import collate
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.predict import Batches
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.interception import register
from attnaudit.models.transformer.quiet import quiet_loading
from attnaudit.questions import find_question
from tests.simulated import DEVICE, counting

WORDS = [f"w{i}" for i in range(25)]
VOCABULARY = Vocabulary(WORDS)
SMALL, MORE = (6, 5), (7, 6, 5, 7)


def texts(lengths, pieces=False):
    chance = random.Random(0)
    made = []
    for row, n in enumerate(lengths):
        words, word = [], 0
        for t in range(n):
            word += t > 0 and (not pieces or chance.random() < 0.6)
            words.append(word)
        made.append(
            Instance(
                id=f"id-{row}",
                row=row,
                line=row + 1,
                tokens=tuple(chance.choices(WORDS, k=n)),
                words=tuple(words),
                label=row % 2,
                query=None,
                rationale=None,
                group=None,
                truncated=False,
            )
        )
    return made


def classic():
    recipe = Recipe(encoder="bilstm", embedding=6, hidden=8)
    model = build_classic(recipe, ModelSpec(VOCABULARY, ("no", "yes")), seed=3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.mul_(1.0 if "embedding" in name else 2.0)
    return model.eval().requires_grad_(False)


def bert():
    config = AutoConfig.for_model(
        "bert",
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        vocab_size=len(VOCABULARY),
        max_position_embeddings=40,
        pad_token_id=VOCABULARY.pad,
    )
    torch.manual_seed(0)
    with quiet_loading():
        network = AutoModelForSequenceClassification.from_config(
            config, attn_implementation=register()
        )
    for weights in network.parameters():
        weights.data.add_(torch.randn_like(weights) * 0.2)
    example = collate(texts((7, 4)), VOCABULARY, boundaries=True)
    return TransformerClassifier(network.eval().requires_grad_(False), example)


MODELS = {"classic": classic, "bert": bert}


def made_of(name, model, instances, device, **settings):
    """The records of all instances as one batch."""
    question = find_question(name)
    batches = Batches(instances, VOCABULARY, True, device, budget=4096)
    settled = question.maker.settle(question.settings(**settings), model)
    return [r for some in question.maker.records(model, batches, settled, Silent()) for r in some]


def waits(kind, name, instances, **settings):
    """What a question waits for on one batch; its records are those of a CPU but for rounding."""
    model = MODELS[kind]()
    expected = made_of(name, model, instances, torch.device("cpu"), **settings)
    with counting() as waited:
        there = model.to(DEVICE)
        waited.forget()
        found = made_of(name, there, instances, DEVICE, **settings)
    check_alike(found, expected)
    return waited


def check_alike(found, expected):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            check_alike(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            check_alike(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=5e-5)
    else:
        assert found == expected


QUICK = (
    *("gradient", "gradient_flowing", "gradient_own_logit", "attention_null", "leave_one_out"),
    "random",
)
ASKED = {
    "classic-correlate": (16, {"measures": QUICK}, {}),
    "classic-permute": (11, {"permutations": 3}, {"permutations": 20}),
    "classic-erase": (22, {"measures": ("random",), "optimum_items": 0}, {}),
    "classic-instance-adversary": (17, {}, {}),
    "bert-correlate": (12, {"measures": ("gradient", "leave_one_out")}, {}),
    "bert-permute": (13, {"permutations": 3}, {"permutations": 20}),
    "bert-erase": (23, {"measures": ("random",), "optimum_items": 0}, {}),
}


@pytest.mark.parametrize("asked", ASKED)
def test_what_a_batch_waits_for_does_not_grow_with_texts_words_or_permutations(asked):
    most, settings, more = ASKED[asked]
    kind, _, name = asked.partition("-")
    few = waits(kind, name, texts(SMALL, kind == "bert"), **settings)
    many = waits(kind, name, texts(MORE, kind == "bert"), **{**settings, **more})
    assert many.total == few.total <= most, many.places
    if name != "instance-adversary":
        assert set(many.kinds) == {"to the host"}, many.places


def test_an_integral_waits_once_a_round():
    measures = {"measures": ("integrated_gradients",)}
    without = waits("classic", "correlate", texts(SMALL), measures=("random",)).total
    found = made_of("correlate", classic(), texts(MORE), torch.device("cpu"), **measures)
    # A round bisects a panel or more of the text that takes most: four further gradients at least.
    rounds = 1 + max(r["integration"]["integrated_gradients"]["gradients"] - 9 for r in found) // 4
    many = waits("classic", "correlate", texts(MORE), **measures).total
    assert without < many <= without + 2 + rounds


def test_the_smallest_set_waits_once_a_size():
    settings = {"measures": ("random",), "optimum_items": 4}
    few = waits("classic", "erase", texts(SMALL), **{**settings, "optimum_items": 0}).total
    assert waits("classic", "erase", texts(SMALL), **settings).total <= few + 4 + 1


def test_the_host_may_not_mix_its_tensors_with_those_of_a_device():
    with counting() as waited:
        there = torch.ones(3).to(DEVICE)
        with pytest.raises(RuntimeError, match="of the device and of the host are mixed"):
            there + torch.ones(3)
        assert float((there + 1).sum()) == 6
        assert waited.kinds == {"to the device": 1, "_local_scalar_dense": 1}
