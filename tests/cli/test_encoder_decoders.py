"""Encoder-decoders on the command line: two sites, `--site`, and what is refused in one line."""

from __future__ import annotations

import json

import pytest

from attnaudit.measures.bootstrap import Bootstrap

from .test_transformers import NAMED, TEXTS

pytestmark = pytest.mark.usefixtures("undrawn")

HALVES = ("encoder", "decoder")
SIZES = {
    **{f"{half}_layers": 2 for half in HALVES},
    **{f"{half}_attention_heads": 2 for half in HALVES},
    **{f"{half}_ffn_dim": 16 for half in HALVES},
    **{"bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 3},
}
SELF, CROSS = (
    f"layer 2 of 2 of the decoder, {kind}-attention, the row of the end token"
    for kind in ("self", "cross")
)
FEW = ("--permutations", "3", "--verify", "0")


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


@pytest.fixture
def model(write_pretrained, here):
    write_pretrained(here / "mnli", "bart", head=2, segments=False, **SIZES, **NAMED)
    return "mnli"


@pytest.fixture
def data(rows):
    """Premises, each with a hypothesis."""
    labels = ("negative", "positive")
    pairs = ((text, TEXTS[i - 1], labels[i % 2]) for i, text in enumerate(TEXTS))
    return rows(*({"text": text, "query": asked, "label": label} for text, asked, label in pairs))


@pytest.fixture
def ask(cli, here):
    """Run a command: its JSON report, and the records by id."""

    def run(command, *args, file="made.jsonl"):
        result = cli(command, *args, "--json", "--records", file)
        assert result.code == 0, result.err
        lines = [json.loads(line) for line in (here / file).read_text().splitlines()]
        return json.loads(result.out), {r["id"]: r for r in lines if "gold" in r}

    return run


def test_pairs_at_either_site(model, data, ask):
    usual, by_usual = ask("permute", model, data, *FEW, file="usual.jsonl")
    named, by_named = ask("permute", model, data, *FEW, "--site", "self", file="self.jsonl")
    cross, by_cross = ask("permute", model, data, *FEW, "--site", "cross", file="cross.jsonl")
    assert by_usual == by_named
    for report, site in ((usual, SELF), (named, SELF), (cross, CROSS)):
        facts = report["model"]
        assert (facts["site"], facts["one_row"], facts["row"]) == (site, True, "end token")
        assert (facts["layers"], facts["heads"]) == (4, 2)
        assert all(t["title"].endswith(f"({site})") for t in report["tables"].values())
        assert report["settings"]["reading"] == "mean"
    for id_, record in by_cross.items():
        assert record["probs"] == pytest.approx(by_usual[id_]["probs"], abs=1e-6)
        assert record["tvd"] != by_usual[id_]["tvd"]
        assert record["tvd"]["max"] > 1e-5


@pytest.mark.parametrize("site", ["self", "cross"])
def test_every_test_of_a_text(model, data, ask, site):
    few = ("--measure", "leave_one_out", "--measure", "gradient")
    for command, more in (("correlate", few), ("erase", few), ("adversary", ())):
        report, records = ask(command, model, data, *more, "--site", site, "--limit", "2")
        assert report["model"]["site"] == {"self": SELF, "cross": CROSS}[site]
        assert all(sum(r["attention"]) == pytest.approx(1) for r in records.values())


def test_what_reports_say(model, data, cli, here):
    told = cli("permute", model, data, *FEW, "--site", "cross", "--records", "one.jsonl")
    assert told.code == 0, told.err
    assert "cross-attention" in told.out
    page = cli("report", "one.jsonl", "-o", "page.md")
    assert page.code == 0, page.err
    page = (here / "page.md").read_text()
    assert CROSS in page
    assert "one row in the last layer" in page
    later = cli("permute", model, data, *FEW, "--baseline", "one.jsonl", "-v")
    assert "The runs differ in site" in " ".join(later.out.split())
    words = ("--measure", "random", "--text", "--records", "words.jsonl")
    assert cli("correlate", model, data, *words).code == 0
    moved = cli("report", "words.jsonl", "--interactive", "page.html")
    assert moved.code == 2, moved
    assert "a row that has one kind of attention, and the records are of layer 2 of 2" in moved.err
    mixed = cli("report", "one.jsonl", "words.jsonl")
    assert mixed.code == 2
    assert f"is of another site than one.jsonl: {SELF}, not {CROSS}" in mixed.err


def test_an_audit_of_one(model, data, cli, here):
    told = cli("audit", model, "--data", data, "--skip", "correlate", "--skip", "erase", "--quiet")
    assert told.code == 0, told.err
    report = json.loads((here / "mnli-audit" / "report.json").read_text())
    assert report["model"]["site"] == SELF
    made = {p.name for p in (here / "mnli-audit" / "records").iterdir()}
    assert made == {"permute.jsonl", "instance-adversary.jsonl"}


def test_sites_that_cannot_be_asked(model, data, refused, tiny, write_pretrained, here):
    both = ("--site", "cross", "--layer", "1")
    says = ("--site and --layer are both given; each names a site: choose one",)
    refused("permute", model, data, *both, says=says)
    refused("permute", model, data, "--site", "both", says=("--site", "'both'", "self", "cross"))
    says = ("--layer 1: an encoder-decoder is audited in the last layer of its decoder alone",)
    refused("permute", model, data, "--layer", "1", says=says)
    says = ("--site cross: the model has one kind of attention", "it is for encoder-decoders")
    write_pretrained(here / "bert", "bert", head=2, **NAMED)
    for other, rows in ((tiny / "model.pt", tiny / "data.yaml"), ("bert", data)):
        refused("permute", other, rows, "--site", "cross", says=says)
    refused("heads", model, data, says=("this audit is for", "attention"))
    retrained = ("--site", "cross", "--lambda", "0.1")
    refused("adversary", model, data, *retrained, says=("--site cross: model-adversary is asked",))
