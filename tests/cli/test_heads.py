"""`attnaudit heads` through its entry point."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.usefixtures("undrawn")

TEXTS = ("a good film", "the bad film", "good and good", "the film was bad !", "bad and a film")
NAMED = {"id2label": {0: "negative", 1: "positive"}, "label2id": {"negative": 0, "positive": 1}}
QUICK = ("--draws", 1, "--steps", 2, "--random-orders", 2)


@pytest.fixture
def here_is(here, write_pretrained):
    """A tiny BERT of two layers of two heads, with dev and test texts."""
    write_pretrained(here / "hf", "bert", head=2, **NAMED)
    for split, texts in (("dev", TEXTS[:3]), ("test", TEXTS)):
        rows = [
            {"text": text, "label": ("negative", "positive")[k % 2]} for k, text in enumerate(texts)
        ]
        (here / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (here / "data.yaml").write_text("{dev: dev.jsonl, test: test.jsonl}\n")
    return here


def records_in(path):
    return [r for r in map(json.loads, path.read_text().splitlines()) if "row" in r]


def test_importance_is_chosen_on_dev_and_scored_on_test(here_is, cli):
    asked = ("heads", "hf", "data.yaml", *QUICK, "--records", "r.jsonl")
    result = cli(*asked, "--json", "--knock-out", "film")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    made = records_in(here_is / "r.jsonl")
    stages = [r["run"]["stage"] if "run" in r else "audit" for r in made]
    # Of four heads the greedy search removes one after another, until one is left.
    assert (stages.count("importance"), stages.count("greedy")) == (3, 9)
    assert stages.count("audit") == 5
    assert report["metrics"]["heads.pruning.half.greedy"]["value"] is not None
    assert report["metrics"]["heads.knockout.words"]["n"] == 4
    assert len(report["tables"]["heads.ablation"]["rows"]) == 4
    assert report["dataset"]["split"] == "test"
    assert "film" not in json.dumps([r for r in made if "run" in r])
    again = cli("report", "r.jsonl", "--json")  # from the records alone
    figures = json.loads(again.out)["metrics"]
    for name, figure in report["metrics"].items():
        assert figures[name]["value"] == figure["value"], name


def test_its_tables_name_what_they_show(here_is, cli):
    shown = cli("heads", "hf", "data.yaml", *QUICK).out
    for title in (
        "What the removal of one head changes",
        "Score while heads are removed",
        "What each head is like",
        "Are states still about their own words?",
        "Positions hidden from all layers",
    ):
        assert title in shown


def test_one_file_has_no_dev_texts_and_gets_no_curve(here_is, cli):
    result = cli("heads", "hf", "test.jsonl", *QUICK, "--json")
    report = json.loads(result.out)
    assert report["metrics"]["heads.pruning.gain"]["value"] is None
    assert "no dev split" in report["metrics"]["heads.pruning.gain"]["reason"]
    assert report["metrics"]["heads.ablation.tvd.mean"]["value"] > 0


def test_an_interrupted_run_goes_on(here_is, cli, monkeypatch):
    from attnaudit.questions.heads import make

    asked = ("heads", "hf", "data.yaml", *QUICK, "--batch-tokens", 1, "--json")
    whole = json.loads(cli(*asked, "--records", "w.jsonl").out)
    plain, made = make.depth_of, []

    def stopping(*args):
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return plain(*args)

    monkeypatch.setattr(make, "depth_of", stopping)
    assert cli(*asked, "--records", "r.jsonl").code == 130
    assert (here_is / "r.jsonl.partial").exists()
    made.clear()
    monkeypatch.setattr(make, "depth_of", lambda *args: made.append(1) or plain(*args))
    gone_on = json.loads(cli(*asked, "--records", "r.jsonl", "--resume").out)
    assert len(made) == 3  # of five texts two were there
    assert gone_on["metrics"] == whole["metrics"]
    assert records_in(here_is / "r.jsonl") == records_in(here_is / "w.jsonl")


def test_other_dev_texts_are_another_run(here_is, cli, refused):
    asked = ("heads", "hf", "data.yaml", *QUICK, "--records", "r.jsonl")
    cli(*asked, "-q")
    header, *_ = (here_is / "r.jsonl").read_text().splitlines()
    assert len(json.loads(header)["conditions"]["choices"]) == 64


def test_a_model_of_one_attention_is_refused_in_one_line(tiny, refused):
    says = ("this audit is for transformers",)
    refused("heads", tiny / "model.pt", tiny / "data.yaml", says=says)
    refused(
        *("audit", tiny / "model.pt", "--data", tiny / "data.yaml", "--also", "heads", "-o", "out"),
        says=says,
    )


def test_a_head_or_a_number_that_cannot_be(here_is, refused):
    refused("heads", "hf", "data.yaml", "--reading", "head7", says=("no head 7",))
    refused("heads", "hf", "data.yaml", "--steps", 0, says=("--steps",))


def test_an_audit_asks_it_only_where_it_is_told_to(here_is, cli, refused):
    others = ("correlate", "permute", "erase", "instance-adversary")
    skip = [part for name in others[:1] + others[2:] for part in ("--skip", name)]
    asked = ("audit", "hf", "--data", "data.yaml", *skip, "-q")
    (here_is / "attnaudit.yaml").write_text(
        "permute: {permutations: 2}\nheads: {draws: 0, steps: 1, random-orders: 1}\n"
    )
    usual = json.loads(cli(*asked[:-1], "-o", "plain", "--dry-run", "--json").out)
    assert [part["name"] for part in usual["parts"]] == ["permute"]
    result = cli(*asked, "-o", "more", "--also", "heads")
    assert result.code == 0, result.err
    report = json.loads((here_is / "more" / "report.json").read_text())
    assert report["metrics"]["heads.ablation.tvd.mean"]["value"] > 0
    assert report["settings"]["heads"]["draws"] == 0
    refused(*asked, "-o", "more", "--also", "hats", says=("--also: there is no test 'hats'",))


def test_a_dry_run_counts_all_passes(here_is, cli):
    asked = ("heads", "hf", "data.yaml", *QUICK)
    result = cli(*asked, "--dry-run", "--json")
    assert result.code == 0, result.err
    plan = json.loads(result.out)
    (part,) = plan["parts"]
    # dev, 3 texts: the importances, and 4 + 3 + 2 heads in the greedy search.
    on_dev = 3 * (1 + 9)
    # test, 5 texts: once each for the answer, gradients, weights and states, twice without any
    # change, 4 heads, 4 knocked out; and the sets of two and of four heads, 2 a curve at most.
    least, most = 5 * (6 + 4 + 4 + 1 + 1), 5 * (6 + 4 + 4 + 5 + 1)
    assert on_dev + least <= part["passes"]["forward"] <= on_dev + most
    assert part["passes"]["backward"] == 3 + 5 * (1 + 2 * 2)
    assert not (here_is / "records").exists()


def test_it_is_explained(cli):
    shown = cli("explain", "heads").out
    assert "decides no finding" in " ".join(shown.split())
    assert "Michel" in shown
    assert "random projections" in cli("explain", "heads.own.jacobian").out
    assert "keys are dropped" in cli("explain", "knock-out").out
