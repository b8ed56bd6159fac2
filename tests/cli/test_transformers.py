"""Hugging Face models on the command line: what is taken, and what is refused in one line."""

from __future__ import annotations

import json
import socket
import time

import pytest
from transformers import AutoModelForCausalLM

from attnaudit.models.transformer.opening import open_reference
from attnaudit.models.transformer.reference import Reference

TEXTS = ("a good film", "the bad film", "good and good", "the film was bad !", "bad and a film")
NAMED = {"id2label": {0: "negative", 1: "positive"}, "label2id": {"negative": 0, "positive": 1}}


@pytest.fixture
def model(write_pretrained, here):
    """A classifier in `here`, by its name."""

    def make(name="hf", kind="bert", head=2, **changes):
        write_pretrained(here / name, kind, head=head, **changes)
        return name

    return make


@pytest.fixture
def data(rows):
    """Texts, with labels in turn, by the name of their file."""

    def make(labels=("negative", "positive"), texts=TEXTS, **more):
        made = [
            {"text": text, "label": labels[i % len(labels)], **more} for i, text in enumerate(texts)
        ]
        return rows(*made)

    return make


@pytest.fixture
def permute(cli, here):
    """`attnaudit permute` with few permutations: its JSON report and its records."""

    def run(*args):
        options = ("--permutations", "3", "--json", "--records", "records.jsonl")
        result = cli("permute", *args, *options)
        assert result.code == 0, result.err
        made = [json.loads(line) for line in (here / "records.jsonl").read_text().splitlines()]
        return json.loads(result.out), [r for r in made if "gold" in r], result.err

    return run


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# --- what is taken -------------------------------------------------------------------------------


def test_a_folder_is_a_model(model, data, permute, caplog):
    report, records, err = permute(model(**NAMED), data())
    assert "warning" not in err.lower()
    assert not caplog.records
    facts = report["model"]
    assert (facts["kind"], facts["row"], facts["layers"]) == ("transformer", "[CLS]", 2)
    assert facts["labels"] == facts["classes"] == ["negative", "positive"]
    assert len(records) == 5


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_decoder(model, data, permute, kind):
    sizes = {"n_positions": 64, "n_head": 2, "n_embd": 16} if kind == "gpt2" else {}
    report, _, _ = permute(model(kind=kind, framed=False, **NAMED, **sizes), data())
    assert report["model"]["row"] == "last token"


@pytest.mark.parametrize(("kind", "row"), [("deberta-v2", "[CLS]"), ("bloom", "last token")])
def test_attention_that_is_found_by_its_numbers(model, data, permute, kind, row):
    """Such architectures are not on the attention interface of transformers."""
    report, records, err = permute(model(kind=kind, framed=row == "[CLS]", **NAMED), data())
    assert "warning" not in err.lower()
    facts = report["model"]
    assert (facts["row"], facts["layers"], facts["heads"]) == (row, 2, 2)
    assert len(records) == 5


def test_a_reranker(model, data, permute):
    """One output, whose sigmoid is the probability of the second class."""
    texts = data(labels=("0", "1"), query="good or bad?")
    report, records, _ = permute(model(head=1), texts)
    assert report["model"]["labels"] == ["0", "1"]
    assert {record["gold"] for record in records} == {0, 1}
    assert all(sum(record["probs"]) == pytest.approx(1) for record in records)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_number_formats(model, data, permute, dtype):
    name, file = model(**NAMED), data()
    _, usual, _ = permute(name, file)
    report, records, _ = permute(name, file, "--dtype", dtype)
    assert report["manifest"]["dtype"] == dtype
    for ours, theirs in zip(records, usual, strict=True):
        tolerance = 1e-5 if dtype == "float64" else 0.02
        assert ours["probs"] == pytest.approx(theirs["probs"], abs=tolerance)


@pytest.mark.parametrize(
    ("names", "labels", "shown"),
    [
        (NAMED, ("negative", "positive"), ["negative", "positive"]),
        (NAMED, ("Negative", "POSITIVE"), ["Negative", "POSITIVE"]),
        ({}, (0, 1), ["0", "1"]),
        ({}, ("LABEL_0", "LABEL_1"), ["LABEL_0", "LABEL_1"]),
    ],
)
def test_labels_are_shown_as_the_data_has_them(model, data, permute, names, labels, shown):
    report, records, _ = permute(model(**names), data(labels))
    assert report["model"]["labels"] == shown
    assert report["model"]["classes"] == list(
        names.get("id2label", {0: "LABEL_0", 1: "LABEL_1"}).values()
    )
    assert [r["gold"] for r in records] == [0, 1, 0, 1, 0]


def test_a_spec_names_classes_that_have_no_names(model, data, permute, here):
    file = data(("good", "bad"))
    (here / "data.yaml").write_text(f"file: {file}\nlabels: [good, bad]\n")
    report, records, _ = permute(model(), "data.yaml")
    assert report["model"]["labels"] == ["good", "bad"]
    assert [r["gold"] for r in records] == [0, 1, 0, 1, 0]


def test_numbers_mean_what_a_spec_says(model, data, permute, refused, here):
    """SNLI's 0 is entailment, and for many a model 0 is contradiction."""
    name, file = model(**NAMED), data((1, 0))
    said = refused("permute", name, file, says=("'negative', 'positive'", "labels: {0: ..., 1: "))
    assert "the labels '0', '1' are numbers, but the model's classes have names" in said
    (here / "data.yaml").write_text(f"file: {file}\nlabels: {{0: positive, 1: Negative}}\n")
    report, records, _ = permute(name, "data.yaml")
    assert [r["gold"] for r in records] == [0, 1, 0, 1, 0]
    assert report["model"]["labels"] == ["Negative", "positive"]


@pytest.mark.parametrize("labels", ["{0: [a], 1: b}", "{0: 1.5, 1: }", "{0: a}"])
def test_a_mapping_that_names_no_classes(model, data, refused, here, labels):
    file = data((0, 1))
    (here / "data.yaml").write_text(f"file: {file}\nlabels: {labels}\n")
    refused("permute", model(), "data.yaml", says=("data.yaml:2: ",))


LONG = " ".join(["film"] * 100)


def test_texts_are_cut_to_the_positions_and_counted(model, data, permute, here):
    file = data(texts=(*TEXTS, LONG))
    (here / "data.yaml").write_text(f"file: {file}\nmax_length: 1000\n")
    for source in (file, "data.yaml"):
        report, records, _ = permute(model(**NAMED), source)
        assert report["dataset"]["truncated"] == 1
        assert records[-1]["words"] == 62


def test_a_pair_shares_the_positions(model, data, permute):
    texts = ("a good film", "the bad film", LONG)
    report, records, _ = permute(model(**NAMED), data(texts=texts, query="the film was good"))
    assert report["dataset"]["truncated"] == 1
    assert [r["words"] for r in records] == [3, 3, 64 - 3 - 4]


def test_the_order_of_pairs_is_named(model, data, permute, cli, here):
    name, file = model(**NAMED), data(query="the film was good")
    (here / "data.yaml").write_text(f"file: {file}\norder: [query, text]\n")
    answers = []
    for source, order, given in ((file, "text, query", "no"), ("data.yaml", "query, text", "yes")):
        report, records, _ = permute(name, source)
        assert (report["dataset"]["order"], report["dataset"]["order_given"]) == (order, given)
        answers.append([r["probs"] for r in records])
        shown = " ".join(cli("permute", name, source, "--permutations", "3").out.split())
        first = order.partition(",")[0]
        assert f"pairs {first} first, then" in shown
        assert ("The spec does not give this order" in shown) is (given == "no")
        checked = " ".join(cli("data", "check", source).out.split())
        assert f"first side of a pair {first}" in checked
        assert ("the spec gives no `order`" in checked) is (given == "no")
    assert answers[0] != answers[1]


def test_single_texts_have_no_order(model, data, permute, cli):
    file = data()
    report, *_ = permute(model(**NAMED), file)
    assert "order" not in report["dataset"]
    assert "first side" not in cli("data", "check", file).out


@pytest.mark.parametrize("order", ["[text, text]", "[text]", "query", "[query, label]"])
def test_an_order_that_is_none(model, data, refused, here, order):
    (here / "data.yaml").write_text(f"file: {data(query='the film')}\norder: {order}\n")
    refused("permute", model(), "data.yaml", says=("data.yaml:2: order",))


def test_the_classes_stand_in_the_heading(model, data, cli):
    named = cli("permute", model(**NAMED), data(), "--permutations", "3").out
    assert "classes negative, positive " in " ".join(named.split()) + " "
    nameless = cli("permute", model("other"), data((0, 1)), "--permutations", "3").out
    said = (
        "LABEL_0 (0), LABEL_1 (1): the model's names, with the names in the data in brackets; the "
        "num"
    )
    assert said in " ".join(nameless.split())


# --- what is refused -----------------------------------------------------------------------------


def test_labels_that_fit_no_class(model, data, refused):
    refused(
        "permute", model(**NAMED), data(("good", "bad")), says=("'bad', 'good' are not the mod",)
    )
    says = ("does not name its classes: list the labels in a spec",)
    refused("permute", model(), data(("good", "bad")), says=says)
    refused("permute", model(**NAMED), data((1, 2)), says=("are numbers, but the model's classes",))
    refused("permute", model(), data((1, 2)), says=("are not the model's",))


def test_no_classification_head(model, data, refused):
    says = ("hf: has no trained classification head", "classifier.weight", "`attnaudit train`")
    for audit in ("permute", "correlate", "erase", "adversary", "seed-baseline"):
        refused(audit, model(head=0), data(), "--records", "r.jsonl", "-o", "o.json", says=says)


def test_a_generation_model(model, data, refused, here):
    name = model(kind="gpt2", head=0, framed=False, n_positions=64)
    config = open_reference(Reference(str(here / name))).config
    AutoModelForCausalLM.from_config(config).save_pretrained(here / name)
    refused("permute", name, data(), says=("score.weight would be random", "GPT2LMHeadModel"))


def test_another_task(model, data, refused):
    name = model(head=1, problem_type="regression")
    refused("permute", name, data(labels=("0", "1")), says=("predicts numbers, not a class",))


def test_a_tokenizer_without_special_tokens(model, data, refused):
    refused(
        "permute", model(framed=False), data(), says=("no special token ([CLS]) before a text",)
    )


def test_more_pieces_than_embeddings(model, data, refused):
    refused("permute", model(vocab_size=20), data(), says=("has embeddings for only 20",))


def test_no_attention_at_all(model, data, refused):
    says = ("ForSequenceClassification: its attention does not go through the attention interface",)
    refused("permute", model(kind="fnet"), data(), says=says)


def test_attention_that_cannot_be_intervened_on(model, data, refused):
    sizes = {"head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1}
    name = model(kind="gpt_oss", framed=False, num_key_value_heads=2, **sizes)
    refused("permute", name, data(), says=("cannot change its attention", "attention sinks"))


def test_weights_in_pickle_form(model, data, refused, here):
    name = model()
    (here / name / "model.safetensors").rename(here / name / "pytorch_model.bin")
    refused("permute", name, data(), says=("only as pickle files", "save_pretrained"))


def test_code_of_the_repository(model, data, refused, here):
    name = model()
    edit(here / name, model_type="mine", auto_map={"AutoConfig": "mine.Config"})
    (here / name / "mine.py").write_text("raise SystemExit(3)\n")
    refused("permute", name, data(), says=("needs code of its repository, which attnaudit never",))


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("config.json", None, "has no config.json"),
        ("config.json", "{", "its config.json cannot be read"),
        ("tokenizer.json", None, "has no tokenizer"),
        ("tokenizer.json", "{}", "its tokenizer cannot be read"),
        ("model.safetensors", None, "has no model.safetensors"),
        ("model.safetensors", "{", "its weights cannot be read"),
    ],
)
def test_broken_folders(model, data, refused, here, file, content, says):
    path = here / model() / file
    path.unlink() if content is None else path.write_text(content)
    refused("permute", "hf", data(), says=(f"hf: {says}",))


def test_a_hub_id_without_a_network_is_refused_at_once(data, refused, monkeypatch, here):
    def no_names(*args, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(here.parent / "cache"))
    start = time.monotonic()
    says = ("owner/name: is neither a folder here nor in the cache, and the hub cannot be reached",)
    refused("permute", "owner/name", data(), says=says)
    assert time.monotonic() - start < 5


def test_a_hub_model_is_audited_at_its_commit(model, data, permute, monkeypatch, here):
    commit = here / "cache" / ("0123456789" * 4)
    commit.parent.mkdir()
    (here / model(**NAMED)).rename(commit)
    asked = []
    monkeypatch.setattr(
        "attnaudit.models.transformer.reference.fetch",
        lambda name, revision: asked.append((name, revision)) or commit,
    )
    report, _, _ = permute("owner/name", data(), "--revision", "v1")
    assert asked == [("owner/name", "v1")]
    assert report["model"]["name"] == "owner/name"
    assert report["model"]["revision"] == commit.name


@pytest.mark.parametrize(
    ("option", "value"), [("--revision", "v1"), ("--device-map", "auto"), ("--dtype", "bfloat16")]
)
def test_options_of_hugging_face_models_alone(tiny, data, refused, option, value):
    says = (option, "is for Hugging Face models, but ")
    refused("permute", tiny / "model.pt", data(), option, value, says=says)
    refused("permute", "no.such:factory", data(), option, value, says=says)


def test_a_revision_of_a_folder(model, data, refused):
    says = ("--revision is for models on the hub, but hf is a folder; leave it out",)
    refused("permute", model(), data(), "--revision", "v1", says=says)


def test_a_map_of_devices_without_accelerate(model, data, refused, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    says = ("--device-map needs accelerate", "pip install 'attnaudit[accelerate]'")
    refused("permute", model(), data(), "--device-map", "auto", says=says)
