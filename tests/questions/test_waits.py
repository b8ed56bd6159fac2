"""What each question waits for on a device: a GPU stands idle for as long as the host waits."""

from __future__ import annotations

import random

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
SMALL, MORE = (4, 6, 5), (9, 14, 12, 3, 8, 10, 14, 7, 11)


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
    model = MODELS[kind]()
    expected = made_of(name, model, instances, torch.device("cpu"), **settings)
    with counting() as waited:
        found = made_of(name, model.to(DEVICE), instances, DEVICE, **settings)
    assert found == expected
    return waited
