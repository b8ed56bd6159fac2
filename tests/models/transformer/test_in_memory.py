"""A network and a tokenizer in memory are audited as they are, and stay as they were."""

from __future__ import annotations

import copy

import pytest
import torch
import transformers

import attnaudit
from attnaudit.data.batch import collate
from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError, ModelError
from attnaudit.models.load import find_model
from attnaudit.models.transformer.in_memory import _bare_copy, source_of
from attnaudit.models.transformer.quiet import quiet_loading

ROWS = [
    ("good film", "LABEL_1"),
    ("the bad film was bad and the film was bad", "LABEL_0"),
    ("a b c d", "LABEL_1"),
    ("was it good ? no", "LABEL_0"),
]


@pytest.fixture(scope="module", params=["bert", "gpt2"])
def folder(request, write_pretrained, tmp_path_factory):
    place = tmp_path_factory.mktemp("in_memory") / request.param
    framed = request.param == "bert"
    changes = {} if framed else {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
    return write_pretrained(place, request.param, 2, framed=framed, **changes)


@pytest.fixture
def held(folder):
    return opened(folder)


def opened(folder, **options):
    with quiet_loading():
        network = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, **options
        )
        return network, transformers.AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    path.write_text("text,label\n" + "\n".join(f"{text},{label}" for text, label in ROWS))
    return path


def loaded(source, data):
    spec = load_spec(data, source.reading, source.limits)
    dataset = load_dataset(spec, labels=source.labels_in(spec, "all"), min_words=2)
    made = source.load(dataset, None, torch.device("cpu"), torch.float32)
    return made, collate(dataset.instances, made.spec.vocabulary, boundaries=True)


def test_it_is_the_model_that_a_folder_holds(held, folder, data):
    ours, batch = loaded(source_of(*held), data)
    theirs, same = loaded(find_model(str(folder), 0), data)
    assert torch.equal(batch.ids, same.ids)
    with torch.no_grad():
        for model in (ours.model, theirs.model):
            encoded = model.encode(batch)
            alpha = model.attend(encoded)
            read = model.read(encoded, alpha.unsqueeze(1))[:, 0]
            assert torch.allclose(read, model(batch), atol=1e-5)
        assert torch.allclose(ours.model(batch), theirs.model(batch), atol=1e-6)
    for fact in ("kind", "architecture", "layers", "heads", "row", "classes", "labels"):
        assert ours.facts[fact] == theirs.facts[fact]
    assert ours.facts["in_memory"]
    assert len(ours.facts["sha256"]) == 64 != theirs.facts["sha256"]


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_it_stays_as_it_was(folder, data, implementation):
    network, tokenizer = opened(folder, attn_implementation=implementation)
    network.train()
    network.base_model.eval()
    calls = []
    network.base_model.register_forward_hook(lambda *_: calls.append(1))
    tokenizer.backend_tokenizer.enable_truncation(7)
    state = {name: weight.clone() for name, weight in network.state_dict().items()}
    before = seen(network)
    kept = copy.deepcopy(tokenizer.backend_tokenizer.to_str())
    made = attnaudit.audit(
        (network, tokenizer),
        ROWS,
        ["permute", "correlate"],
        settings={"correlate": {"measure": ["gradient", "leave_one_out"]}},
    )
    assert len(calls) <= 2 + len(ROWS)  # for the comparison of its answers alone
    assert seen(network) == before
    assert network.config._attn_implementation == implementation
    assert tokenizer.backend_tokenizer.to_str() == kept
    assert all(torch.equal(weight, state[n]) for n, weight in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())
    frame = made.to_frame()
    assert len(frame) == len(ROWS)
    assert frame["permute.tvd"].notna().all()
    assert made.report.model.name == f"{type(network).__name__} in memory"


def seen(network):
    """What of a network an audit could have changed, besides the numbers."""
    modules = [
        (name, type(module), module.training, len(module._forward_hooks), set(vars(module)))
        for name, module in network.named_modules()
    ]
    weights = [(n, id(w), w.data_ptr(), w.requires_grad) for n, w in network.named_parameters()]
    return modules, weights, network.config.to_dict()


def test_it_takes_no_memory_for_weights(held):
    network, _ = held
    made = _bare_copy(network, "a name")
    there = {name: weight.data_ptr() for name, weight in network.named_parameters()}
    assert {name: weight.data_ptr() for name, weight in made.named_parameters()} == there
    assert not any(weight.requires_grad for weight in made.parameters())
    assert not {id(module) for module in made.modules()} & {id(m) for m in network.modules()}


def test_its_digest_is_of_what_it_holds(folder):
    first, second = (source_of(*opened(folder)) for _ in range(2))
    assert first.facts["sha256"] == second.facts["sha256"]
    network, tokenizer = opened(folder)
    with torch.no_grad():
        next(network.parameters())[3, 0] += 1
    assert source_of(network, tokenizer).facts["sha256"] != first.facts["sha256"]


def test_hooks_that_change_answers_are_refused(held, data):
    network, tokenizer = held
    network.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: (args, {**kwargs, "attention_mask": None}), with_kwargs=True
    )
    source_of(network, tokenizer)  # which changes no text that stands alone
    head = network.classifier if hasattr(network, "classifier") else network.score
    head.register_forward_hook(lambda module, args, given: given + 0.1 * given.sign())
    with pytest.raises(ModelError, match="gives other answers than its weights and code give"):
        loaded(source_of(network, tokenizer), data)


def test_its_own_device_and_number_format_are_kept(folder):
    network, tokenizer = opened(folder)
    made = attnaudit.audit((network.to(torch.float64), tokenizer), ROWS, ["permute"])
    assert (made.report.manifest.dtype, made.report.manifest.device) == ("float64", "cpu")
    other = attnaudit.audit((network, tokenizer), ROWS, ["permute"], dtype="float32")
    assert other.report.manifest.dtype == "float32"
    assert network.dtype == torch.float64


def test_what_is_no_classifier_is_refused(held, pretrained):
    network, tokenizer = held
    with quiet_loading():
        headless = transformers.AutoModel.from_pretrained(pretrained)
        theirs = transformers.AutoTokenizer.from_pretrained(pretrained)
    for given, says in (
        ((torch.nn.Linear(2, 2), tokenizer), "is not a model of transformers"),
        ((network, "tokenizer"), "its tokenizer is a str"),
        ((tokenizer, network), "is not a model of transformers"),
        ((headless, theirs), "does not answer a text with 2 classes"),
    ):
        with pytest.raises(ModelError, match=says):
            source_of(*given)


def test_the_checks_of_a_folder_hold(held):
    network, tokenizer = held
    network.config.problem_type = "regression"
    with pytest.raises(ModelError, match="predicts numbers, not a class"):
        source_of(network, tokenizer)


def test_what_is_in_memory_stays_in_this_process(held):
    for options, says in (
        ({"workers": 2}, "cannot be shared with other processes"),
        ({"questions": ["seed-baseline"]}, "seed-baseline trains models"),
    ):
        with pytest.raises(InputError, match=says):
            attnaudit.audit(held, ROWS, **options)
