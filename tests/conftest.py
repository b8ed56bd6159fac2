from __future__ import annotations

import gc
import hashlib
import pickle
import shutil
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import torch

from attnaudit.execution.observer import Silent
from attnaudit.models.recipe import Overrides, read_config
from attnaudit.questions.question import Question
from attnaudit.records.manifest import collect
from attnaudit.records.schema import DatasetFacts, Header, Manifest, ModelFacts
from attnaudit.running.run import run_training

TINY = """\
data:
  reviews: {train: 60, dev: 20, test: 30, seed: 0}
model: {encoder: bilstm, embedding: 16, hidden: 8, attention: additive}
training: {epochs: 1, learning_rate: 0.01, seed: 0}
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--whole` for the long jobs of `.ci/run slow`."""
    about = "run the tests marked whole, too, and take whole test splits in place of a part"
    parser.addoption("--whole", action="store_true", help=about)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests marked whole, but where they are asked for."""
    if config.getoption("whole"):
        return
    left_out = [item for item in items if item.get_closest_marker("whole")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("whole")]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no garbage among modules and tests, which are many, and stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """None for tests of one file: they are over before other processes would have started."""
    files = {argument.partition("::")[0] for argument in config.args}
    one = len(files) == 1 and all(file.endswith(".py") for file in files)
    return 0 if one else None  # what pytest-xdist makes of the machine


@pytest.fixture(autouse=True, scope="session")
def _one_thread_and_no_network():
    connect = socket.socket.connect

    def refuse(self, address):
        if self.family == socket.AF_UNIX:
            return connect(self, address)
        raise OSError(f"tests may not connect to {address}")

    torch.set_num_threads(1)
    socket.socket.connect = refuse
    yield
    socket.socket.connect = connect


@pytest.fixture(scope="session")
def tiny_yaml() -> str:
    return TINY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A folder with a small trained model.pt and its data.yaml; for reading only."""
    folder = tmp_path_factory.mktemp("tiny")
    config = folder / "tiny.yaml"
    config.write_text(TINY)
    settings = read_config(config, Overrides(output=folder))
    run_training(settings, "cpu", 1, Silent(), False, ["attnaudit", "train"])
    return folder


SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
}


def _tokenizer(framed: bool, segments: bool = True):
    """Cuts words into pairs of letters, but for a few; puts [CLS] and [SEP] around if `framed`."""
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    short = [*letters, *(a + b for a in letters for b in letters)]
    whole = ["good", "bad", "film", "the", "was", "and", *".,!?'-"]
    pieces = [*SPECIAL_PIECES, *whole, *short, *(f"##{piece}" for piece in short)]
    ids = {piece: i for i, piece in enumerate(pieces)}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if framed:
        made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    named = dict(zip(names, SPECIAL_PIECES, strict=True)) if framed else {"unk_token": "[UNK]"}
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=SIZES["max_position_embeddings"],
        model_input_names=inputs if segments else [inputs[0], inputs[2]],
        **named,
    )


def write_tiny(
    folder, kind="bert", head=0, dtype=torch.float32, framed=True, seed=0, segments=None, **changes
):
    """Write a tiny random network as transformers does, with a tokenizer that knows letters.

    It has no classification head unless `head` asks for one with so many classes. Its tokenizer
    passes `segments` where it frames texts, if nothing else is said.
    """
    import transformers

    from attnaudit.models.transformer.quiet import quiet_loading

    tokenizer = _tokenizer(framed, framed if segments is None else segments)
    sizes = {**SIZES, "vocab_size": len(tokenizer), "pad_token_id": 0, **changes}
    with quiet_loading(), torch.random.fork_rng():
        torch.manual_seed(seed)
        config = transformers.AutoConfig.for_model(kind, **sizes)
        if head:
            config.num_labels = head
            network = transformers.AutoModelForSequenceClassification.from_config(config)
        else:
            network = transformers.AutoModel.from_config(config)
        for weights in network.parameters():
            weights.data.add_(torch.randn_like(weights) * 0.1)
        network.to(dtype).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return Path(folder)


@pytest.fixture(scope="session")
def write_pretrained(tmp_path_factory):
    """`write_tiny`; a network that was written before is copied."""
    written = {}

    def write(folder, *args, **changes) -> Path:
        key = repr((args, sorted(changes.items())))
        if key not in written:
            written[key] = write_tiny(tmp_path_factory.mktemp("written"), *args, **changes)
        shutil.copytree(written[key], folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        return Path(folder)

    return write


@pytest.fixture(scope="session")
def pretrained(write_pretrained, tmp_path_factory) -> Path:
    """The folder of a tiny pretrained BERT without a classification head; for reading only."""
    return write_pretrained(tmp_path_factory.mktemp("pretrained") / "bert")


@pytest.fixture(scope="session")
def tiny_bert():
    """A random BERT of three heads that knows w0 to w24, with its vocabulary."""
    from transformers import BertConfig, BertForSequenceClassification

    from attnaudit.data.pieces import Frame, Pieces
    from attnaudit.models.transformer.classifier import TransformerClassifier
    from attnaudit.models.transformer.interception import register
    from attnaudit.models.transformer.loading import example_batch

    ids = {name: i for i, name in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))}
    ids |= {f"w{i}": len(ids) + i for i in range(25)}
    single, pair = Frame((2,), (), (3,)), Frame((2,), (3,), (3,), (0, 0, 0, 1, 1))
    vocabulary = Pieces(ids, single, pair, pad=0, unknown=1, mask=4)

    def make(dtype=torch.float32, classes=2, layers=2):
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=12,
            num_hidden_layers=layers,
            num_attention_heads=3,
            intermediate_size=16,
            max_position_embeddings=40,
            num_labels=classes,
            initializer_range=0.5,
        )
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = BertForSequenceClassification(config).to(dtype)
        network.set_attn_implementation(register())
        model = TransformerClassifier(network, example_batch(vocabulary), vocabulary.mask)
        return model.eval().requires_grad_(False), vocabulary

    return make


@pytest.fixture(scope="session")
def drawn() -> dict[bytes, Any]:
    """The figures that were drawn, by what they were drawn from."""
    return {}


def _shown(summary):
    """What a summary has for figures, as something that can be hashed."""
    columns = summary.columns
    if columns is None:
        return summary.metrics, summary.tables
    numbers = {**columns.values, "predicted": columns.predicted, "largest": columns.largest}
    known = {name: each.tobytes() for name, each in numbers.items() if each is not None}
    return summary.metrics, summary.tables, known


@pytest.fixture
def figures_drawn_once(drawn, monkeypatch) -> None:
    """For tests of what stands around figures, which take nearly all of a page's time."""
    draw = Question.figures

    def figures(question, summaries, labels):
        shown = {name: _shown(summary) for name, summary in summaries.items()}
        key = hashlib.sha256(pickle.dumps((question.name, shown, labels))).digest()
        if key not in drawn:
            drawn[key] = draw(question, summaries, labels)
        return list(drawn[key])

    monkeypatch.setattr(Question, "figures", figures)


@pytest.fixture
def manifest() -> Manifest:
    return collect(
        command_line=["attnaudit", "correlate", "model.pt", "test.jsonl"],
        settings={"seed": 0, "target": "predicted"},
        seeds=[0],
        started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        finished=datetime(2026, 1, 2, 3, 5, 5, tzinfo=timezone.utc),
        device="cpu",
        dtype="float32",
        threads=1,
        files={"model.pt": "ab" * 32, "test.jsonl": "cd" * 32},
    )


@pytest.fixture
def header(manifest: Manifest) -> Header:
    return Header(
        audit="correlate",
        settings={"seed": 0, "importances": ["gradient", "random"]},
        model=ModelFacts(name="model.pt", sha256="ab" * 32, encoder="bilstm"),
        dataset=DatasetFacts(
            name="test.jsonl",
            sha256="cd" * 32,
            split="test",
            instances=1725,
            skipped={"too_short": 93, "one_word": 4},
            truncated=12,
        ),
        manifest=manifest,
    )
