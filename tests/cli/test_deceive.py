"""`attnaudit deceive` through its entry point."""

from __future__ import annotations

import json

import pytest
import yaml

from attnaudit.records.reading import read_records

pytestmark = pytest.mark.usefixtures("undrawn")

FIRST = ("--seeds", 1, "--coefficient", 0.5, "--word", "the")


@pytest.fixture
def asked(cli, tiny):
    return lambda *args: cli("deceive", tiny / "model.pt", tiny / "data.yaml", *FIRST, *args)


def test_it_reports_and_is_made_again(asked, cli, here):
    result = asked("--records", "r.jsonl", "-o", "r.json")
    assert (result.code, result.err) == (0, "")
    for title in (
        "Attention on impermissible words, and their use",
        "macro-F1 with the impermissible words and without",
        "Are the impermissible words still used?",
    ):
        assert title in result.out
    assert "1 of at least 5 models" in result.out
    report = json.loads((here / "r.json").read_text())
    found = report["metrics"]
    assert found["deceive.audited.mass"]["ci_low"] > 0
    assert found["deceive[coefficient=0.5].mass"]["value"] is not None
    assert report["findings"]["necessary"]["status"] == "not_assessed"
    again = json.loads(cli("report", "r.jsonl", "--json").out)
    assert again["metrics"] == found
    assert again["tables"] == report["tables"]
    _, records = read_records(here / "r.jsonl")
    made = list(records)
    kinds = {tuple(sorted(r["run"].items())) for r in made if r["run"]["split"] == "test"}
    assert len(kinds) == 4  # audited, coefficients 0 and 0.5, without the words
    assert not [r for r in made if "tokens" in r]
    # What an epoch must reach on dev is said by the model without a penalty.
    dev = [r for r in made if r["run"].get("coefficient") == 0 and r["run"]["split"] == "dev"]
    right = sum(r["gold"] == r["predicted"] for r in dev) / len(dev)
    (least,) = {r["run"]["least_accuracy"] for r in made if r["run"].get("coefficient") == 0.5}
    assert least == pytest.approx(right - 0.02)
    # A second run finds all there is, and makes nothing anew.
    assert asked("--records", "r.jsonl", "--resume").code == 0
    assert list(read_records(here / "r.jsonl")[1]) == made


def test_models_are_kept_to_be_looked_at(asked, cli, here, tiny):
    assert asked("--keep", "kept", "--records", "r.jsonl", "--json").code == 0
    kept = here / "kept"
    names = ("coefficient-0.0", "coefficient-0.5", "without-the-words")
    assert {path.name for path in kept.iterdir()} == {f"{name}-seed1.pt" for name in names}
    _, records = read_records(here / "r.jsonl")
    run = {"model": "deceiver", "coefficient": 0.5, "seed": 1, "split": "test"}
    probs = {
        r["id"]: r["probs"]
        for r in records
        if {k: v for k, v in r["run"].items() if k != "least_accuracy"} == run
    }
    deceiver = kept / "coefficient-0.5-seed1.pt"
    quick = ("--measure", "random", "--records", "c.jsonl")
    assert cli("correlate", deceiver, tiny / "data.yaml", *quick).code == 0
    assert {r["id"]: r["probs"] for r in read_records(here / "c.jsonl")[1]} == probs
    # With the same settings they are not trained again, with others they are.
    before = deceiver.stat().st_mtime_ns
    (here / "r.jsonl").unlink()
    assert asked("--keep", "kept", "--records", "r.jsonl", "--resume").code == 0
    assert deceiver.stat().st_mtime_ns == before
    assert asked("--keep", "kept", "--records", "r2.jsonl", "--resume", "--word", "a").code == 0
    assert deceiver.stat().st_mtime_ns != before


def test_a_coefficient_that_diverges_is_said_and_the_others_stand(cli, tiny, here):
    args = ("--seeds", 1, "--word", "the", "--coefficient", 1e300, "--records", "r.jsonl", "--json")
    result = cli("deceive", tiny / "model.pt", tiny / "data.yaml", *args)
    assert result.code == 0
    assert "coefficient 1e+300, seed 1: the training diverged" in result.err
    report = json.loads(result.out)
    lost = report["metrics"]["deceive[coefficient=1e+300].mass"]
    assert (lost["value"], lost["reason"]) == (None, "every training diverged")
    assert report["metrics"]["deceive[coefficient=0.0].mass"]["value"] > 0
    assert any("Coefficient 1e+300: 1 of 1 trainings diverged" in note for note in report["notes"])
    assert json.loads(cli("report", "r.jsonl", "--json").out)["metrics"] == report["metrics"]


def test_a_dry_run_counts_all_trainings(cli, tiny, here):
    args = ("--seeds", 3, "--word", "the", "--dry-run")
    result = cli("deceive", tiny / "model.pt", tiny / "data.yaml", *args)
    assert result.code == 0, result.err
    assert "9 x deceiver" in result.out
    assert "3 x removed impermissible" in result.out
    assert not list(here.iterdir())


def test_mistakes_are_one_clean_line(refused, tiny, here):
    asked = ("deceive", tiny / "model.pt", tiny / "data.yaml")
    refused(*asked, says=["no text of the split 'train' has an impermissible word", "--word"])
    refused(*asked, "--word", "zebra", says=["no text of the split 'train'"])
    refused(*asked, "--pattern", ".+", says=["all words of the text", "are impermissible"])
    refused(*asked, "--pattern", "(", says=["--pattern", "is not a regular expression"])
    refused(*asked, "--word", "two words", says=["--word", "is not one word"])
    refused(*asked, "--words-file", "none.txt", says=["none.txt: no such file"])
    refused(*asked, "--coefficient", "-1", says=["--coefficient", "0 or larger"])
    refused(*asked, "--heads", "sum", says=["--heads"])
    refused(*asked, "--word", "the", "--blocked", says=["--blocked is for transformers"])
    (here / "words.txt").write_text("\n")
    refused(*asked, "--words-file", "words.txt", says=["words.txt: has no words"])


def test_a_suite_asks_it_only_where_it_is_told_to(cli, here, tiny):
    config = yaml.safe_load((tiny / "tiny.yaml").read_text())
    config["audit"] = {"deceive": {"word": ["the"], "seeds": 2, "coefficient": [0.1]}}
    config["audit"]["skip"] = ["correlate", "erase", "adversary", "seed-baseline", "probe"]
    (here / "with.yaml").write_text(yaml.safe_dump(config))
    told = cli("audit", "with.yaml", "--dry-run")
    assert told.code == 0, told.err
    assert "4 x deceiver" in told.out
    del config["audit"]["deceive"]
    (here / "without.yaml").write_text(yaml.safe_dump(config))
    assert "deceiver" not in cli("audit", "without.yaml", "--dry-run").out


def test_explain_says_what_it_is(cli):
    told = cli("explain", "deceive").out
    assert "Can attention hide words that the model uses?" in told
    assert "Pruthi et al. 2020" in told


def test_words_of_a_transformer_are_kept_apart(cli, here, tiny, pretrained):
    for split, count in (("train", 16), ("dev", 8), ("test", 12)):
        lines = (tiny / f"{split}.jsonl").read_text().splitlines(keepends=True)
        (here / f"{split}.jsonl").write_text("".join(lines[:count]))
    (here / "data.yaml").write_text((tiny / "data.yaml").read_text())
    config = {
        "data": "data.yaml",
        "model": {"pretrained": str(pretrained)},
        "training": {"epochs": 1, "learning_rate": 0.01, "batch_size": 16},
    }
    (here / "fine.yaml").write_text(yaml.safe_dump(config))
    assert cli("train", "fine.yaml", "-o", "out", "-q").code == 0
    asked = ("deceive", "out/model", "data.yaml", *FIRST, "--heads", "max", "--json")
    made = []
    for more in ((), ("--blocked", "--unit", "piece")):
        result = cli(*asked, *more, "--records", f"r{len(made)}.jsonl")
        assert result.code == 0, result.err
        made.append(json.loads(result.out)["metrics"])
        records = read_records(here / f"r{len(made) - 1}.jsonl")[1]
        heads = {len(r["impermissible"]["mass"]) for r in records if "impermissible" in r}
        assert heads == {2}
    plain, blocked = made
    name = "deceive[coefficient=0.5].score"
    before, after = (each["deceive.audited.mass"]["value"] for each in made)
    assert after == pytest.approx(before)  # the same word, by whatever unit
    assert 0 <= blocked[name]["value"] <= 1
    trained = "deceive[coefficient=0.5].norms.value"
    assert plain[trained]["value"] != blocked[trained]["value"]
