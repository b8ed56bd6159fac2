"""What transformers itself answers to a text, `model(**tokenizer(text))`, is what we audit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from attnaudit.data.batch import collate
from attnaudit.data.reader import read_rows
from attnaudit.data.tokenise import build_tokeniser
from attnaudit.models.interface import check_laws
from attnaudit.models.predict import Batches
from attnaudit.models.transformer.loading import load_classifier
from attnaudit.models.transformer.opening import open_reference
from attnaudit.models.transformer.quiet import quiet_loading
from attnaudit.models.transformer.reference import Reference

from .instances import instance_of

END = "[SEP]"  # the end-of-text token of these decoders, id 3
TEXTS = [
    "the good film was bad",
    f"the good film was bad {END}",
    f"the good film {END} was bad",
    f"good {END} the {END} {END}",
    f"{END} bad film, good film and the bad plot {END}",
    "bad",
    f"{END} {END}",
    "a good film was the bad film and the good bad film was a bad good film",
]
DECODERS = {
    "gpt2": {"n_positions": 64, "n_head": 2},
    "opt": {"ffn_dim": 16, "word_embed_proj_dim": 16},
    "gpt_neox": {},
    "llama": {"num_key_value_heads": 1},
    "mistral": {"num_key_value_heads": 1, "sliding_window": 4},
    "gemma3_text": {"num_key_value_heads": 1, "head_dim": 8, "sliding_window": 4},
}


def edit(folder, name, **changes):
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def decoder(write_pretrained, tmp_path):
    """A folder whose tokenizer ends texts with END if asked to, with some padding or none."""

    def make(kind, padding, appended=False, longest=64):
        sizes = {"max_position_embeddings": longest, **DECODERS[kind]}
        if "n_positions" in sizes:
            sizes = {**sizes, "n_positions": longest}
        folder = write_pretrained(
            tmp_path / kind, kind, head=3, framed=False, pad_token_id=0, **sizes
        )
        edit(folder, "tokenizer_config.json", eos_token=END, model_max_length=longest)
        edit(folder, "config.json", pad_token_id=padding, eos_token_id=3)
        if appended:
            made = json.loads((folder / "tokenizer.json").read_text())
            made["post_processor"] = {
                "type": "TemplateProcessing",
                "single": [{"Sequence": {"id": "A", "type_id": 0}}, _special(END)],
                "pair": [
                    {"Sequence": {"id": "A", "type_id": 0}},
                    _special(END),
                    {"Sequence": {"id": "B", "type_id": 0}},
                    _special(END),
                ],
                "special_tokens": {END: {"id": END, "ids": [3], "tokens": [END]}},
            }
            (folder / "tokenizer.json").write_text(json.dumps(made))
        return folder

    return make


def _special(name):
    return {"SpecialToken": {"id": name, "type_id": 0}}


def both(folder, texts, queries=None, order=None):
    """Logits of our model under its own attention and read from it, and of transformers."""
    opened = open_reference(Reference(str(folder)))
    model = load_classifier(opened)
    tokenise = build_tokeniser(opened.reading().tokeniser)
    asked = [None] * len(texts) if queries is None else queries
    made = [
        instance_of(text, tokenise, row, query)
        for row, (text, query) in enumerate(zip(texts, asked, strict=True))
    ]
    batch = collate(made, opened.vocabulary.ordered(order), boundaries=model.boundaries)
    with quiet_loading():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        theirs = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="eager", dtype=torch.float32
        ).eval()
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded)
        read = model.read(encoded, alpha.unsqueeze(1))[:, 0]
        answers = []
        for b, text in enumerate(texts):
            pair = (text,) if queries is None else (text, queries[b])
            inputs = tokenizer(*(pair if order is None else pair[::-1]), return_tensors="pt")
            length = inputs["input_ids"].shape[1]
            assert torch.equal(batch.ids[b, :length], inputs["input_ids"][0])
            assert int(batch.mask[b].sum()) == length
            answers.append(theirs(**inputs).logits)
        return model, batch, model(batch), read, torch.cat(answers)


@pytest.mark.parametrize(
    ("kind", "padding", "appended"),
    [
        *((kind, 3, False) for kind in DECODERS),
        ("gpt2", None, False),
        *(("llama", padding, True) for padding in (3, None, -1, 0)),
    ],
)
def test_a_decoder_reads_the_row_that_transformers_reads(decoder, kind, padding, appended):
    model, batch, plain, read, theirs = both(decoder(kind, padding, appended), TEXTS)
    torch.testing.assert_close(plain, theirs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(read, theirs, atol=1e-5, rtol=1e-5)
    differences = (theirs - theirs[0]).abs().amax(1)
    assert (differences > 1e-3).sum() >= 6  # texts are told apart
    check_laws(model, batch, 3)


def test_padding_that_ends_a_text_moves_the_row_and_padding_of_batches_does_not(decoder):
    """What a decoder with padding = end of text makes of it: words behind the row get nothing."""
    model, batch, *_ = both(decoder("gpt2", 3), ["the good film was bad", f"the good {END} {END}"])
    encoded = model.encode(batch)
    assert encoded.attendable.sum(1).tolist() == [5, 2]
    assert not encoded.content[1, 2:].any()


def test_without_padding_of_its_own_a_network_has_the_same_configuration_after(decoder):
    model, batch, plain, *_ = both(decoder("llama", None), TEXTS)
    before = model.network.config.pad_token_id
    assert torch.equal(model(batch), plain)
    assert model.network.config.pad_token_id == before == batch.pad == 3


@pytest.mark.parametrize("segments", [False, True])
@pytest.mark.parametrize("kind", ["bert", "gpt2", "electra"])
@pytest.mark.parametrize("paired", [False, True])
def test_segments_are_those_that_the_tokenizer_passes(
    write_pretrained, tmp_path, kind, segments, paired
):
    """GPT-2 adds the piece of number 0 to every position where its tokenizer passes segments."""
    sizes = DECODERS.get(kind, {})
    folder = write_pretrained(
        tmp_path / kind, kind, head=3, segments=segments, framed=kind != "gpt2", **sizes
    )
    queries = ["good or bad?", "the film", "a b", "c d e"] if paired else None
    _, batch, plain, read, theirs = both(folder, TEXTS[:4], queries)
    torch.testing.assert_close(plain, theirs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(read, theirs, atol=1e-5, rtol=1e-5)
    assert (batch.types is not None) is segments


def test_padding_inside_a_text_keeps_the_positions_of_roberta(write_pretrained, tmp_path):
    """Its positions count what is not padding, and gradients begin at embeddings without ids."""
    folder = write_pretrained(tmp_path / "m", "roberta", head=3, segments=False)
    edit(folder, "tokenizer_config.json", pad_token="[PAD]")
    _, batch, plain, read, theirs = both(folder, ["good [PAD] film was [PAD]", "bad film"])
    assert (batch.ids[0] == 0).sum() == 2
    torch.testing.assert_close(plain, theirs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(read, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_a_query_that_comes_first(write_pretrained, tmp_path, kind):
    """Models of question answering and rerankers are trained on (question, passage)."""
    sizes = DECODERS.get(kind, {})
    folder = write_pretrained(tmp_path / kind, kind, head=3, framed=kind != "gpt2", **sizes)
    queries = ["good or bad?", "the film", "a b", "c d e"]
    _, batch, plain, read, theirs = both(folder, TEXTS[:4], queries, ("query", "text"))
    torch.testing.assert_close(plain, theirs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(read, theirs, atol=1e-5, rtol=1e-5)
    *_, turned = both(folder, TEXTS[:4], queries)
    assert (theirs - turned).abs().amax(1).min() > 1e-3
    before = 5 if kind == "bert" else 4  # [CLS], four pieces of the query, [SEP]
    assert batch.words[0].tolist()[: before + 1][:before] == [-1] * before
    assert batch.content[0].sum() == 5


# --- a whole test split -----------------------------------------------------------------------


SHARED = Path(__file__).parents[4] / "shared"
MINILM, SST = SHARED / "models" / "minilm-sst2", SHARED / "data" / "sst2" / "test.jsonl"


def with_ends(texts):
    """The texts, of which some end with the end-of-text token, begin with it or hold it."""
    forms = ("{}", f"{{}} {END}", f"{{}} {END} {END}", f"{END} {{}}")
    return [
        forms[i % 5].format(t) if i % 5 < 4 else t.replace(" ", f" {END} ", 1)
        for i, t in enumerate(texts)
    ]


@torch.no_grad()
def furthest(folder, texts):
    """The largest difference of a logit, of what is read and of the plain forward, text by text."""
    opened = open_reference(Reference(str(folder)))
    model = load_classifier(opened)
    reading = opened.reading()
    tokenise = build_tokeniser(reading.tokeniser)
    made = [instance_of(text, tokenise, row) for row, text in enumerate(texts)]
    assert max(len(i.tokens) for i in made) <= reading.max_length
    batches = Batches(made, opened.vocabulary, model.boundaries, torch.device("cpu"))
    ours = torch.full((2, len(texts), len(opened.labels)), torch.nan)
    for batch in batches:
        encoded = model.encode(batch)
        own = model.attend(encoded).unsqueeze(1)
        ours[0, batch.rows] = model.read(encoded, own)[:, 0]
        ours[1, batch.rows] = model(batch)
    with quiet_loading():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        theirs = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="eager", dtype=torch.float32
        ).eval()
    alone = torch.cat([theirs(**tokenizer(text, return_tensors="pt")).logits for text in texts])
    return (ours - alone).abs().amax((1, 2)).tolist(), alone.abs().max().item()


@pytest.mark.slow
@pytest.mark.skipif(
    not (MINILM.is_dir() and SST.is_file()), reason="minilm-sst2 and SST-2 are not here"
)
@pytest.mark.parametrize(
    "kind",
    # test_real_model has this model on 64 of the texts.
    [pytest.param("minilm-sst2", marks=pytest.mark.whole), "gpt2", "llama", "mistral"],
)
def test_every_text_of_a_split(decoder, kind, record_property, pytestconfig):
    texts = [str(row["text"]) for _, row in read_rows(SST, ["text"])]
    if not pytestconfig.getoption("whole"):
        texts = texts[::40]
    if kind == "minilm-sst2":
        folder = MINILM
    else:
        texts, folder = with_ends(texts), decoder(kind, 3, longest=512)
    (read, plain), largest = furthest(folder, texts)
    for name, value in (("texts", len(texts)), ("read", read), ("plain", plain)):
        record_property(name, value)
    assert max(read, plain) <= 1e-5 + 1e-5 * largest
