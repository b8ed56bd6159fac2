"""`--layer L`, and models whose head pools: every row of a layer is audited, and reports say so."""

from __future__ import annotations

import json

import pytest

from attnaudit.measures.bootstrap import Bootstrap

from .test_transformers import NAMED, TEXTS

pytestmark = pytest.mark.usefixtures("undrawn")

POOLING = {
    **{"kind": "modernbert", "classifier_pooling": "mean", "cls_token_id": 2, "sep_token_id": 3},
    **NAMED,
}


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


@pytest.fixture
def model(write_pretrained, here):
    """A classifier of two layers in `here`, by its name."""

    def make(name="hf", kind="bert", head=2, **changes):
        write_pretrained(here / name, kind, head=head, **changes)
        return name

    return make


@pytest.fixture
def data(rows):
    labels = ("negative", "positive")
    return rows(*({"text": t, "label": labels[i % 2]} for i, t in enumerate(TEXTS)))


@pytest.fixture
def ask(cli, here):
    """Run a command: its JSON report, the header of its records, and the records by id."""

    def run(command, *args):
        file = here / f"{command}.jsonl"
        result = cli(command, *args, "--json", "--records", file.name)
        assert result.code == 0, result.err
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        file.unlink()
        return json.loads(result.out), lines[0], {r["id"]: r for r in lines if "gold" in r}

    return run


def test_every_row_of_the_last_layer_answers_as_the_row_that_is_read(model, data, ask):
    """No other row of the last layer is read, and all are shuffled alike."""
    name, few = model(**NAMED), ("--permutations", "5", "--verify", "0")
    usual, header, by_row = ask("permute", name, data, *few)
    last, site, by_rows = ask("permute", name, data, *few, "--layer", "2")
    for id_, record in by_row.items():
        assert by_rows[id_]["tvd"] == pytest.approx(record["tvd"], abs=1e-6)
        assert by_rows[id_]["all_erased"]["tvd"] == pytest.approx(
            record["all_erased"]["tvd"], abs=1e-6
        )
    assert usual["metrics"]["permute.tvd.median"]["value"] > 1e-4
    assert header["model"]["site"] is usual["model"]["site"] is None
    assert site["model"]["site"] == last["model"]["site"] == "layer 2 of 2, every row"
    assert (header["settings"]["reading"], site["settings"]["reading"]) == ("mean", "column_mass")
    assert all(t["title"].endswith("(layer 2 of 2, every row)") for t in last["tables"].values())
    assert not any("every row" in t["title"] for t in usual["tables"].values())


@pytest.mark.parametrize("command", ["correlate", "erase"])
def test_a_lower_layer(model, data, ask, cli, here, command):
    name = model(**NAMED)
    report, _, records = ask(command, name, data, "--layer", "1", "--measure", "leave_one_out")
    assert report["model"]["site"] == "layer 1 of 2, every row"
    for record in records.values():
        assert sum(record["attention"]) == pytest.approx(1)
    assert report["metrics"]


def test_what_reports_say(model, data, cli, here):
    name = model(**NAMED)
    few = ("--permutations", "3", "--layer", "1")
    told = cli("permute", name, data, *few, "--records", "one.jsonl")
    assert told.code == 0, told.err
    assert "layer 1 of 2, every row" in told.out
    assert "column_mass" in told.out
    page = cli("report", "one.jsonl", "-o", "page.md")
    assert page.code == 0, page.err
    page = (here / "page.md").read_text()
    assert "layer 1 of 2, every row" in page
    assert "means over the rows and heads of one layer" in page
    assert "one row in the last layer" not in page
    words = ("--measure", "random", "--text", "--records", "words.jsonl")
    assert cli("correlate", name, data, "--layer", "1", *words).code == 0
    moved = cli("report", "words.jsonl", "--interactive", "page.html")
    assert moved.code == 2, moved
    assert "moves the weights of one row, and the records are of layer 1 of 2" in moved.err
    later = cli("permute", name, data, *few[:3], "2", "--baseline", "one.jsonl", "-v")
    said = " ".join(later.out.split())
    assert "The runs differ in site, so their figures may not mean the same." in said
    cli("erase", name, data, "--measure", "random", "--records", "other.jsonl")
    mixed = cli("report", "one.jsonl", "other.jsonl")
    assert mixed.code == 2
    assert "is of another site than one.jsonl: one row, not layer 1 of 2, every row" in mixed.err


def test_a_dry_run_says_what_an_answer_costs(model, data, cli):
    told = cli("permute", model(**NAMED), data, "--layer", "2", "--dry-run")
    assert told.code == 0, told.err
    said = " ".join(told.out.split())
    assert "layer 2 of 2, every row" in said
    assert "costs about 0.5 of a forward pass" in said


def test_layers_that_cannot_be_asked(model, data, refused, tiny):
    name = model(**NAMED)
    for layer in ("0", "3", "-2"):
        says = (f"no layer {layer}", "1, the lowest, to 2", "-1 is the default site")
        refused("permute", name, data, "--layer", layer, says=says)
    refused(
        *("permute", tiny / "model.pt", tiny / "data.yaml", "--layer", "1"),
        says=("--layer 1: the model shows one attention, and no layers",),
    )
    says = ("--reading max: it reads one row", "column_mass")
    refused("permute", name, data, "--layer", "1", "--reading", "max", says=says)
    says = ("--reading column_mass: it is of a site where many rows are audited",)
    refused("permute", name, data, "--reading", "column_mass", says=says)


def test_a_head_that_pools(model, data, ask, refused):
    name = model(**POOLING)
    report, _, records = ask("permute", name, data, "--permutations", "3")
    assert (report["model"]["row"], report["model"]["layers"]) == ("every row", 2)
    assert report["model"]["site"] == "layer 2 of 2, every row"
    assert report["settings"]["reading"] == "column_mass"
    assert max(r["tvd"]["max"] for r in records.values()) > 1e-5
    lower, _, _ = ask("permute", name, data, "--permutations", "3", "--layer", "1")
    assert lower["model"]["site"] == "layer 1 of 2, every row"
    says = ("instance-adversary needs the one row", "run correlate, permute, erase;")
    refused("adversary", name, data, says=says)


def test_the_audit_of_a_head_that_pools(model, data, cli, here, refused):
    name = model(**POOLING)
    quick = ("--skip", "correlate", "--skip", "erase")
    says = ("the tests that train models are of the one row", "leave --train and --recipe out")
    refused("audit", name, "--data", data, "--train", *quick, says=says)
    told = cli("audit", name, "--data", data, *quick)
    assert told.code == 0, told.err
    assert "left out: instance-adversary" in told.err
    report = json.loads((here / "hf-audit" / "report.json").read_text())
    reason = report["findings"]["necessary"]["reason"]
    assert "the head of this model reads more: layer 2 of 2, every row" in reason
    assert {p.name for p in (here / "hf-audit" / "records").iterdir()} == {"permute.jsonl"}
