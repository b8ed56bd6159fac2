"""`attnaudit rationalize` through its entry point."""

from __future__ import annotations

import json

import pytest
import yaml

from attnaudit.models.untrained import load_trained
from attnaudit.records.reading import read_records

pytestmark = pytest.mark.usefixtures("undrawn")

QUICK = ("--by", "gradient", "--seeds", 1)


@pytest.fixture
def small(here, tiny):
    """The tiny model, with a few texts of each split of its data."""
    for split, count in (("train", 24), ("dev", 10), ("test", 12)):
        lines = (tiny / f"{split}.jsonl").read_text().splitlines(keepends=True)
        (here / f"{split}.jsonl").write_text("".join(lines[:count]))
    (here / "data.yaml").write_text((tiny / "data.yaml").read_text())
    return tiny / "model.pt", here / "data.yaml"


def said(result):
    assert (result.code, result.err) == (0, ""), result
    return json.loads(result.out)


def test_what_it_finds_is_in_the_report_and_made_again(small, cli, here):
    asked = ("rationalize", *small, *QUICK, "--share", 0.5, "--form", "contiguous")
    report = said(cli(*asked, "--records", "r.jsonl", "--json"))
    settings = {"by": ["gradient"], "form": "contiguous", "share": 0.5, "count": None, "seeds": 1}
    assert settings.items() <= report["settings"].items()
    assert 0.5 <= report["metrics"]["rationalize.length.mean"]["value"] < 0.6
    assert report["metrics"]["rationalize.gradient.token_f1"]["n"] == 12
    for name in ("full.score", "random.score", "gradient.positions_score", "gradient.leak_gap"):
        assert report["metrics"][f"rationalize.{name}"]["value"] is not None
    again = said(cli("report", "r.jsonl", "--json"))
    assert again["metrics"] == report["metrics"]
    assert again["tables"] == report["tables"]
    support = [r for r in read_records(here / "r.jsonl")[1] if r["run"].get("model") == "base"]
    for record in support:
        chosen = record["rationales"]["gradient"]["chosen"]
        assert chosen == list(range(chosen[0], chosen[0] + len(chosen)))
        assert len(chosen) == -(-record["words"] // 2)
        assert "tokens" not in record


def test_models_and_rationales_are_kept(small, cli, here):
    asked = ("rationalize", *small, *QUICK, "--count", 2, "--keep", "kept", "--records", "r.jsonl")
    first = said(cli(*asked, "--json"))
    kept = here / "kept"
    names = {"text-seed1.pt", "random-seed1.pt", "rationale-gradient-seed1.pt"}
    names |= {"positions-gradient-seed1.pt", "eraser"}
    assert {p.name for p in kept.iterdir()} == names
    assert load_trained(kept / "random-seed1.pt").training["kept"] == "rationalize"
    lines = [*map(json.loads, (kept / "eraser" / "gradient.jsonl").read_text().splitlines())]
    records = list(read_records(here / "r.jsonl")[1])
    by_id = {r["id"]: r for r in records if r["run"] == {"model": "base", "split": "test"}}
    run = {"sees": "rationale", "by": "gradient", "seed": 1, "split": "test"}
    answers = {r["id"]: r["probs"] for r in records if r["run"] == run}
    assert [line["annotation_id"] for line in lines] == list(by_id)
    for line in lines:
        (told,) = line["rationales"]
        one = by_id[line["annotation_id"]]["rationales"]["gradient"]
        spans = told["hard_rationale_predictions"]
        tokens = [k for s in spans for k in range(s["start_token"], s["end_token"])]
        assert tokens == one["chosen"]
        assert told["soft_rationale_predictions"] == one["scores"]
        assert [*line["classification_scores"].values()] == answers[line["annotation_id"]]
    before = (kept / "text-seed1.pt").stat().st_mtime_ns
    (here / "r.jsonl").unlink()
    again = said(cli(*asked, "--resume", "--json"))
    assert (kept / "text-seed1.pt").stat().st_mtime_ns == before
    assert again["metrics"] == first["metrics"]
    other = cli(*asked[:-4], "--share", 1, "--keep", "kept", "--records", "r2.jsonl", "--resume")
    assert other.code == 0
    assert (kept / "text-seed1.pt").stat().st_mtime_ns != before  # of other rationales


def test_its_tables_say_what_they_mean(small, cli):
    shown = cli("rationalize", *small, *QUICK).out
    for words in (
        "macro-F1 of predictors, by what they see",
        "only the places chosen by gradient",
        "Faithful by construction means",
        "Rationales and the words that people marked",
    ):
        assert words in shown


def test_a_dry_run_lists_the_trainings(small, cli, here):
    before = {p.name for p in here.iterdir()}
    plan = said(cli("rationalize", *small, "--seeds", 3, "--keep", "kept", "--dry-run", "--json"))
    (part,) = plan["parts"]
    assert {one["kind"]: one["count"] for one in part["trainings"]} == {
        **dict.fromkeys(("text", "random", "rationale mean", "positions mean"), 3),
        **dict.fromkeys(("rationale gradient_flowing", "positions gradient_flowing"), 3),
    }
    assert {p.name for p in here.iterdir()} == before


def test_an_audit_asks_it_only_where_it_is_told_to(cli, here):
    content = {
        "data": {"reviews": {"train": 24, "dev": 10, "test": 12}},
        "model": {"encoder": "average", "embedding": 4, "hidden": 4},
        "training": {"epochs": 1},
        "output": "out",
        "audit": {
            "skip": ["correlate", "erase", "adversary", "seed-baseline", "probe"],
            "permute": {"permutations": 2},
            "rationalize": {"by": "mean", "seeds": 1, "count": 3},
        },
    }
    (here / "c.yaml").write_text(yaml.safe_dump(content))
    result = cli("audit", "c.yaml", "-q")
    assert result.code == 0, result.err
    report = json.loads((here / "out" / "report.json").read_text())
    assert report["settings"]["rationalize"]["count"] == 3
    assert report["metrics"]["rationalize.mean-random.score_gap"]["n"] == 12
    assert (here / "out" / "rationales" / "eraser" / "mean.jsonl").is_file()
    assert (here / "out" / "rationales" / "rationale-mean-seed1.pt").is_file()
    gate = {"id": "enough", "metric": "rationalize.mean.score", "min": 0.999}
    (here / "policy.yaml").write_text(yaml.safe_dump({"gates": [gate]}))
    held = cli("report", "out/records/rationalize.jsonl", "--policy", "policy.yaml", "--strict")
    assert held.code == 1
    assert "enough" in held.out
    assert "decides no finding" in held.out


def test_annotations_of_eraser_are_read_and_scored(cli, tiny, here):
    """The same texts, labels and marks give the same figures in both forms."""
    plain, marked = {}, {}
    for split, count in (("train", 24), ("dev", 10), ("test", 12)):
        lines = (tiny / f"{split}.jsonl").read_text().splitlines()[:count]
        rows = [*map(json.loads, lines)]
        plain[split], marked[split] = rows, [*map(annotation, rows)]
        for folder, each in (("plain", rows), ("eraser", marked[split])):
            (here / folder).mkdir(exist_ok=True)
            text = "".join(json.dumps(row) + "\n" for row in each)
            (here / folder / f"{split}.jsonl").write_text(text)
    docs = [
        {"docid": f"doc {row['id']}", "document": row["text"]} for s in plain for row in plain[s]
    ]
    (here / "eraser" / "docs.jsonl").write_text("".join(json.dumps(d) + "\n" for d in docs))
    spec = "train: train.jsonl\ndev: dev.jsonl\ntest: test.jsonl\nlabels: [negative, positive]\n"
    (here / "plain" / "data.yaml").write_text(spec)
    (here / "eraser" / "data.yaml").write_text(f"{spec}docs: docs.jsonl\n")
    found = {}
    for folder in ("plain", "eraser"):
        asked = (tiny / "model.pt", f"{folder}/data.yaml", *QUICK, "--keep", f"{folder}/kept")
        report = said(cli("rationalize", *asked, "--json"))
        found[folder] = {n: m["value"] for n, m in report["metrics"].items()}
    assert found["plain"] == found["eraser"]
    assert found["eraser"]["rationalize.gradient.token_f1"] is not None
    lines = (here / "eraser/kept/eraser/gradient.jsonl").read_text().splitlines()
    for line, row in zip(map(json.loads, lines), marked["test"], strict=True):
        assert line["annotation_id"] == row["annotation_id"]
        assert line["rationales"][0]["docid"] == f"doc {row['annotation_id']}"


def annotation(row):
    """A row as ERASER has it: each marked token is a span of its own."""
    document = f"doc {row['id']}"
    spans = [
        {"docid": document, "start_token": k, "end_token": k + 1}
        for k, flag in enumerate(row["rationale"])
        if flag
    ]
    made = {"annotation_id": row["id"], "classification": row["label"], "docids": [document]}
    return {**made, "evidences": [spans], "query": "Is it good ?"}


def test_transformers_are_support_models_and_predictors(cli, small, here, pretrained):
    content = {
        "data": "data.yaml",
        "model": {"pretrained": str(pretrained)},
        "training": {"epochs": 1, "learning_rate": 0.01, "batch_size": 16},
    }
    (here / "fine.yaml").write_text(yaml.safe_dump(content))
    assert cli("train", "fine.yaml", "-o", "out", "-q").code == 0
    asked = ("--by", "rollout", "--seeds", 1, "--records", "r.jsonl", "--keep", "kept", "--json")
    report = said(cli("rationalize", "out/model", "data.yaml", *asked))
    assert report["metrics"]["rationalize.rollout.score"]["n"] == 12
    records = list(read_records(here / "r.jsonl")[1])
    base = {r["row"]: r for r in records if r["run"] == {"model": "base", "split": "test"}}
    for record in records:
        if record["run"].get("sees") == "rationale" and record["run"]["split"] == "test":
            chosen = base[record["row"]]["rationales"]["rollout"]["chosen"]
            shown = [k for k, weight in enumerate(record["attention"]) if weight > 0]
            assert shown == chosen
    assert load_trained(here / "kept" / "rationale-rollout-seed1").training["kept"] == "rationalize"
    assert (here / "kept" / "eraser" / "rollout.jsonl").is_file()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--share", 0), "--share: should be greater than 0"),
        (("--share", 1.5), "--share: should be less than or equal to 1"),
        (("--count", 0), "--count"),
        (("--seeds", 0), "--seeds"),
        (("--form", "tree"), "--form"),
        (("--by", "random"), "--by random: random rationales of the same length are always there"),
        (("--by", "gradent"), "did you mean 'gradient'?"),
        (("--by", "head7"), "--by head7: the audited attention has no head 7"),
        (("--by", "rollout"), "--by rollout: "),
        (("--reading", "norms"), "--reading norms"),
        (("--split", "dev", "--limit", 5), "on the dev split, and --limit would shorten it"),
    ],
)
def test_mistakes_are_one_clean_line(refused, tiny, asked, says):
    refused("rationalize", tiny / "model.pt", tiny / "data.yaml", *asked, says=[says])


def test_an_audit_of_a_model_that_may_not_train_refuses_it(refused, tiny):
    asked = ("audit", tiny / "model.pt", "--data", tiny / "data.yaml", "--also", "rationalize")
    refused(*asked, says=["--also rationalize: this test trains models", "give --train"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rationale": [1, 0]}, "the field 'rationale' has 2 entries, but the text has"),
        ({"label": "mixed"}, "label 'mixed'"),
        ({"label": None}, "label"),
    ],
)
def test_data_that_do_not_fit_are_one_clean_line(refused, small, here, change, says):
    lines = (here / "train.jsonl").read_text().splitlines()
    lines[3] = json.dumps({**json.loads(lines[3]), **change})
    (here / "train.jsonl").write_text("\n".join(lines) + "\n")
    refused("rationalize", *small, *QUICK, says=["train.jsonl:4: ", says])
