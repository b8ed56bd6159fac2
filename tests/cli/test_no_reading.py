"""Texts that a reading is undefined for, through the entry point."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from attnaudit.readings import READINGS, find_reading
from attnaudit.readings.rollout import FLOW

TEXTS = ("a good film", "the bad film", "good and good film and the film was bad", "bad and a film")
NAMED = {"id2label": {0: "negative", 1: "positive"}, "label2id": {"negative": 0, "positive": 1}}
REASON = "more than 8 tokens (each token takes a maximum flow over all layers)"
FEW = ("--measure", "random", "--measure", "gradient_l2", "--reading", "flow")


@pytest.fixture
def short(monkeypatch):
    """Flow is for texts of 8 tokens, of which two are special."""

    def make(most=8):
        monkeypatch.setitem(READINGS, "flow", replace(FLOW, most=most))
        find_reading.cache_clear()

    make()
    yield make
    find_reading.cache_clear()


@pytest.fixture
def data(here, write_pretrained, short):
    """A tiny BERT, and texts of which one is too long."""
    write_pretrained(here / "hf", "bert", head=2, **NAMED)
    rows = [
        {"id": f"t{k}", "text": text, "label": ("negative", "positive")[k % 2]}
        for k, text in enumerate(TEXTS)
    ]
    (here / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return here


@pytest.mark.parametrize("test", ["correlate", "erase"])
def test_they_are_counted_and_the_reason_is_in_every_format(cli, data, test):
    pair = (test, "hf", "test.jsonl", *FEW)
    done = cli(*pair, "--records", "r.jsonl", "--json", "-o", "r.json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    share = report["metrics"][f"{test}.no_reading"]
    assert (share["value"], share["n"], share["direction"]) == (0.25, 4, "lower")
    ranked = "correlate.gradient_l2.tau.mean" if test == "correlate" else "erase.sufficiency.random"
    assert report["metrics"][ranked]["n"] == 3
    assert report["metrics"][ranked]["undefined"] == 1
    assert report["metrics"]["model.accuracy"]["n"] == 4
    (note,) = (note for note in report["notes"] if "no reading" in note)
    assert note.startswith(f"1 text of 4 has no reading flow: 1 text with {REASON}.")
    text = " ".join(cli("report", "r.jsonl").out.split())
    assert note in text
    page = cli("report", "r.jsonl", "--format", "html").out
    assert REASON in page
    lines = [json.loads(line) for line in (data / "r.jsonl").read_text().splitlines()][1:-1]
    assert [line.get("no_reading") for line in lines] == [None, None, REASON, None]
    assert lines[2]["attention"] == [None] * 9


def test_they_say_nothing_of_the_attention_on_marked_words(cli, data):
    """A share that is not a number would pass for all of the attention."""
    rows = [json.loads(line) for line in (data / "test.jsonl").read_text().splitlines()]
    marked = [row | {"rationale": [1] + [0] * row["text"].count(" ")} for row in rows]
    (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in marked))
    done = cli("erase", "hf", "test.jsonl", *FEW, "--records", "r.jsonl", "--json")
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in (data / "r.jsonl").read_text().splitlines()][1:-1]
    assert ["marked" in line for line in lines] == [True, True, False, True]
    assert all(0 < line["marked"]["attention"] < 1 for line in lines if "marked" in line)


def test_where_no_text_has_the_reading_the_run_is_refused_before_any_work(refused, data, short):
    short(4)
    reason = "4 texts with more than 4 tokens (each token takes a maximum flow over all layers)"
    pair = ("hf", "test.jsonl", *FEW, "--records", "r.jsonl")
    refused("correlate", *pair, says=[f"no text has the reading flow: {reason}", "--reading"])
    refused("erase", *pair, "--dry-run", says=[f"no text has the reading flow: {reason}"])
    assert not list(data.glob("r.jsonl*"))


def test_where_every_number_is_bad_the_run_ends_with_the_reason(refused, data, monkeypatch):
    bad = replace(FLOW, most=None, of_model=lambda seen: seen.alpha[:, 0] * float("nan"))
    monkeypatch.setitem(READINGS, "flow", bad)
    find_reading.cache_clear()
    says = ["no text has the reading flow: 4 texts with numbers that are not finite"]
    refused("correlate", "hf", "test.jsonl", *FEW, says=says)


def test_two_runs_are_compared_on_the_texts_that_both_have(cli, data, short):
    pair = ("correlate", "hf", "test.jsonl", *FEW)
    assert cli(*pair, "--records", "old.jsonl", "-q").code == 0
    short(64)
    done = cli(*pair, "--records", "new.jsonl", "--baseline", "old.jsonl", "--json")
    report = json.loads(done.out)
    assert report["metrics"]["correlate.gradient_l2.tau.mean"]["n"] == 4
    (note,) = (n for n in report["tables"]["baseline"]["notes"] if "both runs" in n)
    assert note == (
        "Differences are new minus old, over 4 texts that both runs have. A text for which either"
        " run leaves a figure undefined does not count for that figure; the fewest texts of a"
        " figure are 3."
    )
    rows = {row[0]: row for row in report["tables"]["baseline_detail"]["rows"]}
    assert rows["correlate.gradient_l2.tau.mean"][2] == pytest.approx(0, abs=1e-6)
