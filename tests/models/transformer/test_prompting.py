from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from attnaudit.data.aligned import align
from attnaudit.data.batch import collate
from attnaudit.data.loading import load_dataset
from attnaudit.data.prompt import Prompt
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError, ModelError
from attnaudit.models.load import Placement, find_model
from attnaudit.models.transformer.quiet import quiet_loading
from attnaudit.questions.answers import answer
from tests.models.transformer.conftest import config_of
from tests.models.transformer.language_models import write_model

CPU = torch.device("cpu")
LABELS = {"neg": " bad", "pos": " good"}
REVIEW = "Review: {text} \nSentiment:"
TEXTS = ["a fine film, really good.", "5 of 10 it was dull", "  it is bad. ", "thin,  but fine !"]
QUERIES = ["is it fine ?", "was it dull ?", " 10 of 10 ? ", "is the plot thin ?"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of language models by kind; those whose name begins with S put a token in front."""
    made = {}

    def folder(kind, **how):
        name = json.dumps([kind, how])
        if name not in made:
            made[name] = write_model(tmp_path_factory.mktemp("model") / "lm", kind, **how)
        return made[name]

    return folder


def rows(tmp_path, queries=None, texts=TEXTS, **more):
    path = tmp_path / "rows.jsonl"
    asked = [{} if queries is None else {"query": query} for query in queries or texts]
    lines = [
        json.dumps({"text": text, "label": ("neg", "pos")[k % 2], **query, **more})
        for k, (text, query) in enumerate(zip(texts, asked, strict=True))
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    if queries is None and not more:
        return path
    spec = tmp_path / "data.yaml"
    fields = ["query"] if queries else []
    named = ", ".join(f"{name}: {name}" for name in [*fields, *more])
    spec.write_text(f"file: rows.jsonl\nfields: {{{named}}}\n")
    return spec


def read(folder, data, prompt):
    """The model, its batch of the data, and the data."""
    source = find_model(str(folder), 0, Placement(prompt=prompt))
    spec = load_spec(data, source.reading, source.limits)
    found = load_dataset(spec, "all", labels=source.labels_in(spec, "all"), min_words=2)
    loaded = source.load(found, None, CPU, torch.float32)
    batch = collate(found.instances, loaded.spec.vocabulary, boundaries=True)
    return SimpleNamespace(loaded=loaded, model=loaded.model, batch=batch, data=found)


def by_hand(folder, prompts, labels=LABELS):
    """The tokens and the logits of label words that transformers itself gives, prompt by prompt."""
    with quiet_loading():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        network = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    words = [tokenizer(w, add_special_tokens=False).input_ids for w in labels.values()]
    assert {len(word) for word in words} == {1}
    for prompt in prompts:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        with torch.no_grad():
            given = network(ids, output_attentions=True)
        alpha = given.attentions[-1][0, :, -1]  # (H, T)
        yield ids[0], given.logits[0, -1, [word[0] for word in words]], alpha


@pytest.mark.parametrize(
    ("kind", "start"), [("gpt2", False), ("gpt2", True), ("llama", True), ("bloom", False)]
)
def test_texts_are_asked_as_transformers_asks_them(folders, tmp_path, kind, start):
    """The library's own tokens of the whole prompt, logits and last row, text by text."""
    folder = folders(kind, start=start)
    found = read(folder, rows(tmp_path), Prompt(template=REVIEW, labels=LABELS))
    assert not found.data.skipped
    encoded = found.model.encode(found.batch)
    alpha, logits = found.model.attend(encoded), found.model(found.batch)
    prompts = [REVIEW.replace("{text}", text.strip()) for text in TEXTS]
    for b, (ids, own, row) in enumerate(by_hand(folder, prompts)):
        n = int(found.batch.mask[b].sum())
        assert found.batch.ids[b, :n].tolist() == ids.tolist()
        assert torch.allclose(logits[b], own, atol=1e-5)
        assert torch.allclose(alpha[b, :, :n], row, atol=1e-6)
    facts = found.loaded.facts
    assert facts["prompt"]["words"] == LABELS
    assert "Review" not in json.dumps(facts)  # a template may hold examples, and so people's words


def test_words_are_those_of_the_text_alone(folders, tmp_path):
    found = read(folders("gpt2"), rows(tmp_path), Prompt(template=REVIEW, labels=LABELS))
    surfaces = [" ".join(i.surface) for i in found.data.instances]
    assert surfaces == [
        "a fine film , really good .",
        "5 of 1 0 it was dull",
        "it is bad .",
        "thin , but fine !",
    ]
    for b, instance in enumerate(found.data.instances):
        assert int(found.batch.content[b].sum()) == len(instance.tokens)


@pytest.mark.parametrize(
    "template", ["T: {text}\nQ: {query}\nA:", "Q: {query} \nT: {text} \nA:", "{text} {query}"]
)
def test_pairs_stand_in_the_order_of_the_prompt(folders, tmp_path, template):
    folder = folders("gpt2", start=True)
    prompt = Prompt(template=template, labels=LABELS)
    found = read(folder, rows(tmp_path, QUERIES), prompt)
    assert found.data.paired
    both = zip(TEXTS, QUERIES, strict=True)
    prompts = [
        template.replace("{text}", text.strip()).replace("{query}", query.strip())
        for text, query in both
    ]
    for b, (ids, own, _) in enumerate(by_hand(folder, prompts)):
        n = int(found.batch.mask[b].sum())
        assert found.batch.ids[b, :n].tolist() == ids.tolist()
        assert torch.allclose(found.model(found.batch)[b], own, atol=1e-5)
        assert int(found.batch.content[b].sum()) == len(found.data.instances[b].tokens)


def test_all_of_the_prompt_can_be_explained(folders, tmp_path):
    template = "it is dull: bad\n" + REVIEW
    prompt = Prompt(template=template, labels=LABELS, content="prompt")
    folder = folders("gpt2", start=True)
    found = read(folder, rows(tmp_path), prompt)
    words = found.data.instances[0].surface
    assert words[:5] == ("it", "is", "dull", ":", "bad")
    assert words[-2:] == ("Sentiment", ":")
    assert found.batch.content[:, 1:].equal(found.batch.mask[:, 1:])  # but for the start token
    prompts = [template.replace("{text}", text.strip()) for text in TEXTS]
    for b, (ids, own, _) in enumerate(by_hand(folder, prompts)):
        assert found.batch.ids[b][found.batch.mask[b]].tolist() == ids.tolist()
        assert torch.allclose(found.model(found.batch)[b], own, atol=1e-5)


def test_deleting_a_word_is_asking_without_it(folders, tmp_path):
    """The rest stays as it was cut; here no piece depends on its neighbours."""
    folder = folders("gpt2")
    found = read(folder, rows(tmp_path), Prompt(template=REVIEW, labels=LABELS))
    keep = found.batch.words != 1
    shorter = found.model(found.batch.keep(keep))
    for b, (ids, _, _) in enumerate(
        by_hand(folder, [REVIEW.replace("{text}", t.strip()) for t in TEXTS])
    ):
        left = ids[keep[b, : len(ids)]].unsqueeze(0)
        with quiet_loading():
            network = AutoModelForCausalLM.from_pretrained(folder).eval()
        words = [
            AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids(f"Ġ{w.strip()}")
            for w in LABELS.values()
        ]
        with torch.no_grad():
            assert torch.allclose(shorter[b], network(left).logits[0, -1, words], atol=1e-5)


def test_answers_under_other_weights_are_those_of_a_hooked_model(folders, tmp_path):
    """What the last layer averages at the last position is replaced, in transformers' own code."""
    folder = folders("llama", start=True, num_key_value_heads=4)
    found = read(folder, rows(tmp_path), Prompt(template=REVIEW, labels=LABELS))
    encoded = found.model.encode(found.batch)
    drawn = torch.rand(found.model.attend(encoded).shape, generator=torch.manual_seed(1))
    weights = drawn * encoded.attendable.unsqueeze(1)
    weights = weights / weights.sum(-1, keepdim=True)  # (B, H, T)
    answers = found.model.read(encoded, weights.unsqueeze(1))[:, 0]

    with quiet_loading():
        network = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
        words = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids(["Ġbad", "Ġgood"])
    attention = network.model.layers[-1].self_attn
    values = []
    attention.v_proj.register_forward_hook(lambda module, args, given: values.append(given))
    for b in range(len(TEXTS)):
        n = int(found.batch.mask[b].sum())

        def replaced(module, args, row=weights[b, :, :n]):
            vectors = values[-1][0].view(row.shape[1], len(row), -1)  # (T, H, D)
            given = args[0].clone()
            given[0, -1] = torch.einsum("ht,thd->hd", row, vectors).flatten()
            return (given,)

        hook = attention.o_proj.register_forward_pre_hook(replaced)
        with torch.no_grad():
            own = network(found.batch.ids[b : b + 1, :n]).logits[0, -1, words]
        hook.remove()
        assert torch.allclose(answers[b], own, atol=1e-5)


def test_texts_that_a_tokenizer_joins_with_the_prompt_are_left_out(folders, tmp_path):
    folder = folders("gpt2", joining=True)
    joined = "Review: {text}\nSentiment:"  # ".\n" is one token
    found = read(folder, rows(tmp_path), Prompt(template=joined, labels=LABELS))
    assert found.data.skipped == {"joined_with_prompt": 2}
    assert [i.line for i in found.data.instances] == [2, 4]
    apart = read(folder, rows(tmp_path), Prompt(template=REVIEW, labels=LABELS))
    assert not apart.data.skipped
    with pytest.raises(InputError) as caught:
        read(
            folder,
            rows(tmp_path, texts=["it is.", "it was."]),
            Prompt(template=joined, labels=LABELS),
        )
    assert "leave a space between {text} and a line break" in str(caught.value.hint)


def test_a_row_that_cannot_reach_the_text_is_an_error(folders, tmp_path):
    folder = folders("mistral", sliding_window=6)
    far = "{text} \nQuestion: is the cast fine or dull? Is it good or bad? Answer:"
    found = read(folder, rows(tmp_path), Prompt(template=far, labels=LABELS))
    with pytest.raises(InputError, match="has no word that the audited row can attend to"):
        answer(found.model, found.batch, {i.row: i for i in found.data.instances})


@pytest.mark.parametrize(
    ("template", "labels", "says", "hint"),
    [
        (REVIEW + " ", {"neg": "bad", "pos": "good"}, "joins the end of the prompt", "a space"),
        (REVIEW, {"neg": " bad", "pos": " splendid"}, "' splendid' is ", "one token behind"),
        (REVIEW, {"neg": " bad\n", "pos": " good"}, "is 2 tokens", "one token behind"),
    ],
)
def test_label_words_must_be_one_token_each(folders, template, labels, says, hint):
    with pytest.raises(ModelError) as caught:
        find_model(
            str(folders("gpt2")), 0, Placement(prompt=Prompt(template=template, labels=labels))
        )
    assert says in caught.value.what
    assert hint in caught.value.hint


def test_only_language_models_are_asked_by_prompt(folders, tmp_path, make_network):
    prompt = Prompt(template=REVIEW, labels=LABELS)
    folder = tmp_path / "bert"
    make_network("distilbert").save_pretrained(folder)
    AutoTokenizer.from_pretrained(folders("gpt2")).save_pretrained(folder)
    with pytest.raises(ModelError, match="no causal language model"):
        find_model(str(folder), 0, Placement(prompt=prompt))
    tokenizer = AutoTokenizer.from_pretrained(folders("gpt2"))
    sizes = {"vocab_size": len(tokenizer), "max_position_embeddings": 200, "pad_token_id": 0}
    for maker, says in (
        (AutoModelForSequenceClassification, "no trained head that says the next word"),
        (AutoModelForMaskedLM, "looks at what comes later in a text"),
    ):
        folder = tmp_path / maker.__name__
        with quiet_loading():
            maker.from_config(config_of("bert", **sizes)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        with pytest.raises(ModelError, match=says):
            find_model(str(folder), 0, Placement(prompt=prompt))
    with pytest.raises(ModelError) as caught:
        find_model(str(folders("gpt2")), 0, Placement())
    assert "or ask it as a language model, with --prompt" in caught.value.hint
    with pytest.raises(InputError, match="--prompt is for Hugging Face models"):
        find_model("module:factory", 0, Placement(prompt=prompt))


@pytest.mark.parametrize(
    ("template", "queries", "says"),
    [
        (REVIEW, QUERIES, "rows.jsonl:1: the row has a query, but the prompt has no place"),
        ("{query} {text}", None, "rows.jsonl:1: the row has no query, but the prompt has a place"),
    ],
)
def test_queries_must_fit_the_prompt(folders, tmp_path, template, queries, says):
    data = rows(tmp_path, queries)
    with pytest.raises(InputError) as caught:
        read(folders("gpt2"), data, Prompt(template=template, labels=LABELS))
    assert says in str(caught.value)


def test_rationales_do_not_mark_words_of_a_prompt(folders, tmp_path):
    data = rows(tmp_path, texts=["a good film", "a bad film"], rationale=[0, 1, 0])
    plain = read(folders("gpt2"), data, Prompt(template=REVIEW, labels=LABELS))
    assert plain.data.instances[0].rationale == (0, 1, 0)
    with pytest.raises(InputError, match="with `content: prompt` all words of the prompt"):
        read(folders("gpt2"), data, Prompt(template=REVIEW, labels=LABELS, content="prompt"))


def test_attributions_are_aligned_with_the_words_in_the_prompt(folders, tmp_path):
    """Spans of characters count in the text as the data have it, with the white space around it."""
    source = find_model(
        str(folders("gpt2")), 0, Placement(prompt=Prompt(template=REVIEW, labels=LABELS))
    )
    spec = load_spec(rows(tmp_path), source.reading, source.limits)
    data = load_dataset(spec, "all", labels=source.labels_in(spec, "all"), min_words=2)
    text = TEXTS[2]  # "  it is bad. "
    places = [(text.index(word), len(word)) for word in ("is", "bad")]
    spans = [[start, start + size, n] for n, (start, size) in enumerate(places, 1)]
    path = tmp_path / "scores.jsonl"
    path.write_text(json.dumps({"id": "3", "spans": spans}), encoding="utf-8")
    found = align(path, spec, data, min_words=2, limit=None)
    assert found.of(2).tolist() == [0.0, 1.0, 2.0, 0.0]  # it, is, bad and the full stop
