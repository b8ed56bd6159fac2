from __future__ import annotations

import itertools
import json
import sys

import pytest
import torch

from attnaudit.data.dataset import Dataset
from attnaudit.data.loading import load_dataset
from attnaudit.data.settings import ReadingSettings
from attnaudit.data.spec import load_spec
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError, ModelError
from attnaudit.models.checkpoint import Checkpoint
from attnaudit.models.load import LoadedModel, Placement, find_model
from attnaudit.models.recipe import TrainConfig

CPU = torch.device("cpu")
NAMES = itertools.count()

PLUGIN = """\
import torch
from dataclasses import dataclass
from attnaudit.models.interface import AttentionModel, Encoded, masked_softmax
@dataclass(frozen=True)
class Hidden(Encoded):
    states: torch.Tensor
class Tiny(AttentionModel):
    def __init__(self, spec, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = torch.nn.Embedding(len(spec.vocabulary), 4)
        self.score, self.head = torch.nn.Linear(4, 1), torch.nn.Linear(4, len(spec.labels))
    def encode(self, batch, embeddings=None):
        states = self.embed(batch) if embeddings is None else embeddings
        return Hidden(batch.content, batch.content, states)
    def attend(self, encoded):
        return masked_softmax(self.score(encoded.states)[..., 0], encoded.attendable).unsqueeze(1)
    def read(self, encoded, alpha):
        return self.head(alpha[:, :, 0] @ encoded.states)
"""


@pytest.fixture
def load_data(tmp_path):
    def make(paired=False, lengths=range(1, 17)) -> Dataset:
        query = {"query": "w3 w4"} if paired else {}
        rows = [
            {"text": " ".join(f"w{(i * n) % 30}" for i in range(n)), "label": "ab"[n % 2], **query}
            for n in lengths
        ]
        path = tmp_path / "data.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return load_dataset(load_spec(path), labels=("a", "b"))

    return make


@pytest.fixture
def write_plugin(tmp_path, monkeypatch):
    """Writes a module into the working folder; gives its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names = []

    def write(source):
        names.append(f"plugin_for_test_{next(NAMES)}")
        (tmp_path / f"{names[-1]}.py").write_text(source)
        return names[-1]

    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def load_plugin(write_plugin, load_data, vocabulary):
    """Loads a model whose class is `Tiny` with `addition` below it."""

    def load(addition="", seed=0, dtype=torch.float32, data=None) -> LoadedModel:
        name = write_plugin(PLUGIN + addition)
        source = find_model(f"{name}:Tiny", seed)
        return source.load(data or load_data(), vocabulary, CPU, dtype)

    return load


@pytest.fixture
def complaint(load_plugin):
    def read(addition):
        with pytest.raises(ModelError) as caught:
            load_plugin(addition)
        where, _, said = str(caught.value).partition(": ")
        assert where.endswith(":Tiny")
        assert "\n" not in said
        return said

    return read


# --- checkpoints -----------------------------------------------------------------------------


@pytest.fixture
def save(tmp_path, make_model):
    def make(**model):
        path = tmp_path / "model.pt"
        made = make_model(**{"dtype": torch.float32, **model})
        Checkpoint(made, ReadingSettings(lowercase=True), TrainConfig(), {}).save(path)
        return str(path)

    return make


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_checkpoint_comes_frozen_and_in_the_precision_asked_for(save, load_data, dtype):
    reference = save()
    source = find_model(reference, 0)
    assert source.labels == ("a", "b")
    assert source.reading == ReadingSettings(lowercase=True)
    loaded = source.load(load_data(), None, CPU, dtype)
    assert not loaded.model.training
    assert {p.dtype for p in loaded.model.parameters()} == {dtype}
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert loaded.facts["kind"] == "checkpoint"
    assert loaded.facts["labels"] == ["a", "b"]
    assert len(loaded.facts["sha256"]) == 64
    assert loaded.facts["parameters"] == sum(p.numel() for p in loaded.model.parameters())
    assert loaded.facts["recipe"] == loaded.model.recipe.model_dump()


def test_a_file_that_looks_like_a_plugin_is_a_file(tmp_path, monkeypatch, save):
    monkeypatch.chdir(tmp_path)
    save()
    (tmp_path / "model.pt").rename("a.b:c")
    assert find_model("a.b:c", 0).facts["kind"] == "checkpoint"


def test_pairs_and_single_texts_do_not_mix(save, load_data):
    single, pairs = load_data(), load_data(paired=True)
    with pytest.raises(InputError, match="trained on pairs, but the data have single texts; name"):
        find_model(save(paired=True), 0).load(single, None, CPU, torch.float32)
    with pytest.raises(
        InputError, match="trained on single texts, but the data have pairs; remove"
    ):
        find_model(save(), 0).load(pairs, None, CPU, torch.float32)
    assert find_model(save(paired=True), 0).load(pairs, None, CPU, torch.float32)


def test_a_name_that_is_neither_file_nor_plugin():
    for reference in ("nothing.pt", "not-a-module:f", "a:b:c", ":f"):
        with pytest.raises(ModelError, match="no such file; make one with `attnaudit train`"):
            find_model(reference, 0)


# --- plug-ins --------------------------------------------------------------------------------


def test_three_methods_in_under_twenty_lines_are_a_model(load_plugin, vocabulary):
    methods = PLUGIN[PLUGIN.index("class Tiny") :]
    assert len(methods.splitlines()) < 20
    loaded = load_plugin(seed=4)
    assert loaded.facts["kind"] == "plugin"
    assert loaded.facts["parameters"] == 34 * 4 + 5 + 10
    assert loaded.spec.labels == ("a", "b")
    assert loaded.spec.vocabulary is vocabulary
    assert not loaded.spec.paired


def test_a_penalty_of_its_own_makes_a_model_supervised(load_plugin):
    assert "supervised" not in load_plugin().facts
    penalty = "    def penalty(self, batch, alpha):\n        return alpha[:, 0, 0]\n"
    assert load_plugin(penalty).facts["supervised"] is True


def test_the_factory_gets_the_seed_and_the_digest_is_of_the_weights(load_plugin):
    first, again, other = (load_plugin(seed=s).facts["sha256"] for s in (4, 4, 5))
    assert first == again != other


def test_without_a_vocabulary_the_words_of_the_data_are_taken(write_plugin, load_data):
    source = find_model(f"{write_plugin(PLUGIN)}:Tiny", 0)
    data = load_data(paired=True, lengths=[1, 2])
    loaded = source.load(data, None, CPU, torch.float32)
    assert loaded.spec.paired
    texts = [t for i in data.instances for t in (i.tokens, i.query)]
    assert loaded.spec.vocabulary.words == Vocabulary.count(texts).words
    assert "w3" in loaded.spec.vocabulary.words


OWN_WORDS = """
from attnaudit.data.vocabulary import WordIds
class Base(Tiny): pass
class Tiny(Base):
    def __init__(self, spec, seed):
        super().__init__(spec, seed)
        self.embedding = torch.nn.Embedding(40, 4)
        self.vocabulary = {}
"""


def test_a_plugin_may_bring_its_words(load_plugin):
    ids = "{f'w{i}': 39 - i for i in range(30)}"
    loaded = load_plugin(OWN_WORDS.format(f"WordIds({ids}, pad=0, unknown=1)"))
    assert loaded.spec.vocabulary.ids(("w0", "w29", "w30")) == [39, 10, 1]
    assert loaded.spec.vocabulary is loaded.model.vocabulary


@pytest.mark.parametrize(("said", "expected"), [("", 5), ("unknown_token = 3", 3)])
def test_the_unknown_word_of_a_plugin_is_that_of_its_own_words(load_plugin, said, expected):
    """Integrated gradients begin from it: the usual id, 1, is a word of these."""
    source = OWN_WORDS.replace("class Base(Tiny): pass", f"class Base(Tiny): {said or 'pass'}")
    ids = "{f'w{i}': i + 6 for i in range(30)} | {'a': 1}"
    loaded = load_plugin(source.format(f"WordIds({ids}, pad=0, unknown=5)"))
    assert loaded.model.unknown_token == expected


def test_words_that_are_no_vocabulary_are_refused(load_plugin):
    with pytest.raises(ModelError, match=r"its `vocabulary` is a dict, .*; use Vocabulary\(words"):
        load_plugin(OWN_WORDS.format("{'a': 1}"))
    with pytest.raises(ModelError, match=r"calling it fails \(ValueError: the ids of a vocabulary"):
        load_plugin(OWN_WORDS.format("WordIds({'a': -1}, pad=0, unknown=1)"))
    with pytest.raises(ModelError, match=r"running it on 8 texts fails \(IndexError: "):
        load_plugin(OWN_WORDS.format("WordIds({'w1': 50}, pad=0, unknown=1)"))


def test_scalar_weights_and_counters_can_be_digested(load_plugin):
    """Learned temperatures and the counters of normalisation layers have no dimension."""
    addition = """
class Base(Tiny): pass
class Tiny(Base):
    def __init__(self, spec, seed):
        super().__init__(spec, seed)
        self.temperature = torch.nn.Parameter(torch.tensor(1.0))
        self.register_buffer("seen", torch.tensor(3))
"""
    assert load_plugin(addition).facts["sha256"] != load_plugin().facts["sha256"]


def test_a_plugin_in_float64(load_plugin):
    loaded = load_plugin(dtype=torch.float64)
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float64}


def test_a_plugin_may_import_its_neighbours_late(write_plugin, load_data, vocabulary):
    neighbour = write_plugin(PLUGIN)
    name = write_plugin(
        "import sys\nsys.path.insert(0, '/elsewhere')\n"
        f"def make(spec, seed):\n    from {neighbour} import Tiny\n    return Tiny(spec, seed)\n"
    )
    loaded = find_model(f"{name}:make", 0).load(load_data(), vocabulary, CPU, torch.float32)
    assert type(loaded.model).__name__ == "Tiny"
    assert sys.path[0] == "/elsewhere"


def test_the_working_folder_joins_the_path_once(write_plugin, tmp_path):
    name = write_plugin(PLUGIN)
    for _ in range(2):
        find_model(f"{name}:Tiny", 0)
    assert sys.path.count(str(tmp_path)) == 1


def test_a_module_that_is_missing(write_plugin):
    with pytest.raises(ModelError, match=r"no_such\.module:f: no module named 'no_such'; run att"):
        find_model("no_such.module:f", 0)
    name = write_plugin("import no_such_dependency")
    with pytest.raises(ModelError, match="no module named 'no_such_dependency'"):
        find_model(f"{name}:f", 0)


def test_a_module_without_the_factory(write_plugin):
    name = write_plugin(PLUGIN)
    with pytest.raises(ModelError, match=f"{name} has no 'Tinny'; did you mean 'Tiny'?"):
        find_model(f"{name}:Tinny", 0)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0", "importing it fails (ZeroDivisionError: division by zero)"),
        ("def", "importing it fails (SyntaxError: invalid syntax"),
        ("import math\nmath.nothing", "importing it fails (AttributeError: module 'math' has no"),
    ],
)
def test_a_module_that_fails(write_plugin, source, said):
    name = write_plugin(source)
    with pytest.raises(ModelError) as caught:
        find_model(f"{name}:f", 0)
    assert str(caught.value).startswith(f"{name}:f: {said}")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(spec, seed): raise ValueError('no\\nsuch')", "calling it fails (ValueError: no)"),
        ("def f(): pass", "calling it fails (TypeError: f() takes 0 positional arguments"),
        ("f = 3", "calling it fails (TypeError: 'int' object is not callable)"),
        ("def f(spec, seed): return [spec]", "gives a list, not an attnaudit.models.interface.Att"),
        ("import torch\ndef f(s, n): return torch.nn.Linear(2, 2)", "gives a Linear, not an attn"),
    ],
)
def test_a_factory_that_gives_no_model(write_plugin, load_data, vocabulary, source, said):
    name = write_plugin(source)
    with pytest.raises(ModelError) as caught:
        find_model(f"{name}:f", 0).load(load_data(), vocabulary, CPU, torch.float32)
    assert str(caught.value).startswith(f"{name}:f: {said}")


LAWLESS = """
class Base(Tiny): pass
class Tiny(Base):
    def forward(self, batch):
        return super().forward(batch) + 1
"""


def test_a_plugin_that_breaks_a_law_is_refused(complaint):
    assert complaint(LAWLESS) == (
        "the model cannot be audited: reading its own attention does not give its own logits"
    )


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("def read(self, encoded, alpha): return alpha @ encoded.nothing", "AttributeError: "),
        ("def attend(self, encoded): return encoded.states @ encoded.states", "RuntimeError: "),
        ("def embed(self, batch): return self.get_submodule('embeddings')(1)", "AttributeError: "),
    ],
)
def test_a_plugin_that_fails_is_named(complaint, method, said):
    addition = f"\nclass Base(Tiny): pass\nclass Tiny(Base):\n    {method}\n"
    assert complaint(addition).startswith(f"running it on 8 texts fails ({said}")


def test_laws_are_checked_on_texts_of_several_lengths(load_plugin, load_data):
    """Most texts are equally short; a model that counts padding is found out all the same."""
    addition = """
class Base(Tiny): pass
class Tiny(Base):
    def encode(self, batch, embeddings=None):
        encoded = super().encode(batch, embeddings)
        return Hidden(encoded.attendable, encoded.content, encoded.states * batch.ids.shape[1])
"""
    with pytest.raises(ModelError, match="padding, or the other texts of a batch, change its"):
        load_plugin(addition, data=load_data(lengths=[3] * 23 + [5]))


# --- Hugging Face models ---------------------------------------------------------------------


@pytest.fixture
def hugging_face(write_pretrained, tmp_path):
    def make(**changes):
        return str(write_pretrained(tmp_path / "hf", head=2, **changes))

    return make


def test_a_folder_brings_its_pieces_its_lengths_and_its_classes(hugging_face, load_data, tmp_path):
    source = find_model(hugging_face(), 0)
    assert source.labels == ("LABEL_0", "LABEL_1")
    assert source.limits == source.reading
    assert source.limits.max_length == 62
    assert source.config is None
    load_data()
    spec = load_spec(tmp_path / "data.jsonl", source.reading, source.limits)
    with pytest.raises(InputError, match="does not name its classes"):
        source.labels_in(spec, "all")
    spec = spec.model_copy(update={"labels": ("a", "b")})
    data = load_dataset(spec, labels=source.labels_in(spec, "all"))
    loaded = source.load(data, None, CPU, torch.float32)
    assert loaded.spec.labels == ("a", "b")
    assert loaded.facts["labels"] == ["a", "b"]
    assert loaded.facts["classes"] == ["LABEL_0", "LABEL_1"]
    assert not any(p.requires_grad for p in loaded.model.parameters())


def test_labels_of_other_models_are_as_they_say(save, load_data, tmp_path, write_plugin):
    load_data()
    spec = load_spec(tmp_path / "data.jsonl")
    assert find_model(save(), 0).labels_in(spec, "all") == ("a", "b")
    assert find_model(f"{write_plugin(PLUGIN)}:Tiny", 0).labels_in(spec, "all") is None


def test_the_number_format_is_read_with_the_weights(hugging_face, load_data):
    placement = Placement(dtype=torch.bfloat16)
    loaded = find_model(hugging_face(), 0, placement).load(load_data(), None, CPU, torch.bfloat16)
    assert {p.dtype for p in loaded.model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("placement", "option"),
    [
        (Placement(revision="v1"), "--revision"),
        (Placement(device_map="auto"), "--device-map"),
        (Placement(dtype=torch.float16), "--dtype float16"),
    ],
)
def test_what_other_models_have_not(save, placement, option):
    for reference in (save(), "no.such:factory"):
        with pytest.raises(InputError, match=f"{option} is for Hugging Face models, but "):
            find_model(reference, 0, placement)


def test_a_folder_has_no_revisions(hugging_face):
    with pytest.raises(
        InputError, match=r"--revision is for models on the hub, but .* is a folder"
    ):
        find_model(hugging_face(), 0, Placement(revision="v1"))
