"""Words that no weight can reach are not shown and not ranked; and the first word's idle share."""

from __future__ import annotations

import json
import re

import pytest

from .test_transformers import NAMED

WINDOW = 4
SIZES = {"num_key_value_heads": 1, "sliding_window": WINDOW, "framed": False}
TEXTS = [
    "good film",
    "the good film was bad",
    "bad film and good film and the bad",
    "the bad and good bad film was the",
]
ASKED = {
    "correlate": ("--measure", "gradient", "--measure", "leave_one_out", "--measure", "random"),
    "permute": ("--permutations", "3"),
    "erase": (),
    "adversary": (),
}


@pytest.fixture
def asked(cli, here, rows, write_pretrained):
    """The report and records of a question, of a model with a sliding window by default."""

    def run(name, *options, kind="mistral", sizes=SIZES, texts=TEXTS, **more):
        folder = write_pretrained(here / "hf", kind, head=2, **NAMED, **sizes)
        labels = ("negative", "positive")
        made = [{"text": t, "label": labels[i % 2], **more} for i, t in enumerate(texts)]
        made[-1] |= {"rationale": [1] + [0] * (len(texts[-1].split()) - 1)} if more else {}
        args = (*ASKED[name], *options, "--json", "--records", "records.jsonl")
        result = cli(name, folder.name, rows(*made), *args)
        assert result.code == 0, result.err
        lines = [json.loads(line) for line in (here / "records.jsonl").read_text().splitlines()]
        return json.loads(result.out), [r for r in lines if "gold" in r]

    return run


@pytest.mark.parametrize("name", ASKED)
def test_words_before_the_window_are_no_content(asked, name):
    report, records = asked(name, *(() if name == "permute" else ("--text",)))
    records = sorted(records, key=lambda r: r["row"])
    assert [r["words"] for r in records] == [2, WINDOW, WINDOW, WINDOW]
    assert [r.get("unreachable") for r in records] == [None, 1, 4, 4]
    assert [r.get("reach") for r in records] == [None, [1, 5], [4, 8], [4, 8]]
    for record, text in zip(records, TEXTS, strict=True):
        if name != "permute":
            assert record["tokens"] == text.split()[-WINDOW:]
            assert len(record["attention"]) == record["words"]
            assert min(record["attention"]) > 0
        for values in record.get("importance", {}).values():
            assert len(values) == record["words"]
        assert record["outside"] <= 1e-6
    said = "9 of 23 words, in 3 of 4 texts, are out of reach of the audited row"
    assert any(note.startswith(said) for note in report["notes"]), report["notes"]


def test_the_heatmap_of_a_run_shows_the_words_that_are_left(cli, asked, here):
    asked("correlate")
    result = cli("correlate", "hf", "rows.jsonl", *ASKED["correlate"], "--show", "4")
    assert result.code == 0, result.err
    shown = " ".join(re.findall(r"(\w+)\[", result.out))
    assert "film and the" in shown
    assert "film and good" not in shown


def test_marked_words_out_of_reach_are_no_rationale(asked):
    """The one marked word of the last text stands before the window; the first text's is in it."""
    texts = ["film good", TEXTS[-1]]
    _, records = asked("erase", texts=texts, rationale=[0, 1])
    assert [r["plausibility"] is None for r in sorted(records, key=lambda r: r["row"])] == [0, 1]


def test_a_window_of_one_word(asked):
    """One word has no ranking: such texts count as undefined."""
    report, records = asked("correlate", sizes={**SIZES, "sliding_window": 1})
    assert {r["words"] for r in records} == {1}
    assert report["metrics"]["correlate.gradient.tau.mean"]["value"] is None
    assert report["metrics"]["correlate.gradient.tau.mean"]["undefined"] == 4


@pytest.mark.parametrize("name", ASKED)
def test_texts_of_one_reachable_word_end_no_run(asked, name):
    _, records = asked(name, sizes={**SIZES, "sliding_window": 1})
    assert {r["words"] for r in records} == {1}


def test_attention_on_the_first_word_of_a_bare_decoder_is_said(asked):
    sizes = {"n_positions": 64, "n_head": 2, "n_embd": 16, "framed": False}
    report, records = asked("correlate", kind="gpt2", sizes=sizes)
    shares = [r["first_word"] for r in records]
    assert shares == [pytest.approx(r["attention"][0], abs=1e-5) for r in records]
    said = f"{100 * sum(shares) / len(shares):.0f} % of the attention lies on the first word."
    assert any(note.startswith(said) for note in report["notes"])


def test_a_framed_text_says_nothing_of_its_first_word(asked):
    report, records = asked("correlate", kind="bert", sizes={})
    assert not any("first_word" in r for r in records)
    assert not any("first word" in note for note in report["notes"])
