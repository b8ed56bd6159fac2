"""`attnaudit identify` through its entry point."""

from __future__ import annotations

import json

import pytest

TEXTS = ("a good film", "the bad film", "good and good", "the film was bad !", "bad and a film")
NAMED = {"id2label": {0: "negative", 1: "positive"}, "label2id": {"negative": 0, "positive": 1}}


@pytest.fixture
def here_is(here, write_pretrained):
    """A tiny BERT of two heads of 8 dimensions, with texts of 3 to 5 words."""
    write_pretrained(here / "hf", "bert", head=2, **NAMED)
    rows = [
        {"text": text, "label": ("negative", "positive")[k % 2]} for k, text in enumerate(TEXTS)
    ]
    (here / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return here


def records_in(path):
    return [r for r in map(json.loads, path.read_text().splitlines()) if "row" in r]


def test_what_it_finds_is_in_the_report_and_in_the_records(here_is, cli):
    asked = ("identify", "hf", "test.jsonl", "--intervals", "--starts", 2, "--records", "r.jsonl")
    result = cli(*asked, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    figures = report["metrics"]
    # Texts have up to 7 tokens, and a head of 8 dimensions pins all of their weights down.
    assert figures["identify.freedom.values.mean"]["value"] == 0
    assert figures["identify.identified.mean"]["value"] == 1
    assert figures["identify.necessary.mean"]["value"] == 1
    assert figures["identify.others.share"]["value"] == 0
    assert figures["identify.answers.tvd.mean"]["value"] < 1e-5
    made = records_in(here_is / "r.jsonl")
    assert [len(r["detached"]["values"]) for r in made] == [2] * 5
    assert not {"text", "tokens"} & {key for record in made for key in record}
    again = json.loads(cli("report", "r.jsonl", "--json").out)["metrics"]
    for name, figure in figures.items():
        assert again[name]["value"] == figure["value"], name


def test_its_tables_name_what_they_show(tiny, cli):
    shown = cli("identify", tiny / "model.pt", tiny / "data.yaml", "--limit", 8).out
    for title in (
        "Freedom of the weights by length",
        "Freedom of each head",
        "Answers under weights that give the same",
    ):
        assert title in shown
    assert "detached" in shown
    assert "producible" in shown
    assert "loses directions" in shown  # to one logit


def test_texts_that_are_too_long_are_counted_with_the_reason(tiny, cli):
    asked = ("identify", tiny / "model.pt", tiny / "data.yaml", "--limit", 6)
    result = cli(*asked, "--intervals", "--longest", 2, "--json")
    report = json.loads(result.out)
    assert report["metrics"]["identify.width.mean"]["value"] is None
    (note,) = [note for note in report["notes"] if "--longest" in note]
    assert note.startswith("6 of 6 texts have more than 2 tokens")
    assert "two linear programs for each token" in note


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--kept", "nothing"), "--kept"),
        (("--longest", 1), "--longest"),
        (("--starts", -1), "--starts"),
        (("--tolerance", 1), "--tolerance"),
        (("--reading", "head7"), "no head 7"),
        (("--dtype", "bfloat16"), "--dtype float32"),
    ],
)
def test_what_cannot_be_asked(here_is, refused, asked, says):
    refused("identify", "hf", "test.jsonl", *asked, says=(says,))


PLAIN = """
import torch
from attnaudit.models.interface import AttentionModel, Encoded, masked_softmax

class Plain(AttentionModel):
    def __init__(self, size):
        super().__init__()
        self.embedding = torch.nn.Embedding(size, 3)

    def encode(self, batch, embeddings=None):
        encoded = Encoded(batch.content, batch.content)
        object.__setattr__(encoded, "seen", self.embed(batch) if embeddings is None else embeddings)
        return encoded

    def attend(self, encoded):
        return masked_softmax(encoded.seen[..., 0], encoded.attendable).unsqueeze(1)

    def read(self, encoded, alpha):
        z = torch.einsum("bvht,bt->bv", alpha, encoded.seen[..., 1])
        return torch.stack([torch.zeros_like(z), z], dim=-1)

def factory(spec, seed):
    torch.manual_seed(seed)
    return Plain(len(spec.vocabulary))
"""


def test_a_plug_in_that_shows_no_values_is_refused_in_one_line(here_is, refused, monkeypatch):
    (here_is / "plain_plug_in.py").write_text(PLAIN)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    says = ("needs the vectors that the attention averages", "values(encoded)")
    refused("identify", "plain_plug_in:factory", "test.jsonl", says=says)


def test_an_audit_asks_it_only_where_it_is_told_to(here_is, cli):
    skip = [p for name in ("correlate", "erase", "instance-adversary") for p in ("--skip", name)]
    asked = ("audit", "hf", "--data", "test.jsonl", *skip, "-q")
    (here_is / "attnaudit.yaml").write_text("permute: {permutations: 2}\nidentify: {starts: 1}\n")
    assert cli(*asked, "-o", "plain").code == 0
    assert not (here_is / "plain" / "records" / "identify.jsonl").exists()
    result = cli(*asked, "-o", "more", "--also", "identify")
    assert result.code == 0, result.err
    report = json.loads((here_is / "more" / "report.json").read_text())
    assert report["metrics"]["identify.freedom.values.mean"]["value"] == 0
    assert report["settings"]["identify"]["starts"] == 1


def test_a_dry_run_counts_answers(here_is, cli):
    result = cli("identify", "hf", "test.jsonl", "--dry-run", "--json")
    assert result.code == 0, result.err
    (part,) = json.loads(result.out)["parts"]
    assert (part["passes"]["forward"], part["passes"]["backward"]) == (5, 0)
    assert part["passes"]["answers"] == 5 * (1 + 1 + 2 + 1)


def test_it_is_explained(cli):
    shown = " ".join(cli("explain", "identify").out.split())
    assert "decides no finding" in shown
    assert "their definition is another one" in shown
    assert "rank [V, 1]" in cli("explain", "identify.freedom.values.mean").out
    assert "NP-hard" not in shown
    assert "singular values" in cli("explain", "tolerance").out.lower()
