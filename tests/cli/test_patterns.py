"""`attnaudit patterns` through its entry point."""

from __future__ import annotations

import json

import pytest

from .test_identify import NAMED, here_is, records_in  # noqa: F401


def test_what_it_finds_is_in_the_report_and_in_the_records(here_is, cli):  # noqa: F811
    asked = ("patterns", "hf", "test.jsonl", "--steps", 2, "--records", "r.jsonl")
    result = cli(*asked, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    figures = report["metrics"]
    assert figures["patterns.conservation.mean"]["value"] < 1e-5
    assert figures["patterns.pairs.mean"]["value"] < 1e-5
    assert abs(figures["patterns.share.influence.positions"]["value"]) > 0
    assert report["settings"]["placeholder"] == "mask"
    made = records_in(here_is / "r.jsonl")
    assert [len(r["influence"]) for r in made] == [r["words"] for r in made]
    assert not {"text", "tokens"} & {key for record in made for key in record}
    assert "film" not in result.out
    again = json.loads(cli("report", "r.jsonl", "--json").out)["metrics"]
    for name, figure in figures.items():
        assert again[name]["value"] == figure["value"], name


def test_its_tables_name_what_they_show_and_words_on_request(here_is, cli):  # noqa: F811
    shown = cli("patterns", "hf", "test.jsonl", "--steps", 1, "--limit", 2, "--text").out
    for title in (
        "Influence along one pattern a word",
        "Answers if only patterns are kept",
        "Where patterns by influence pass",
        "Do influences add up?",
        "The patterns of one text",
    ):
        assert title in shown
    assert "its logit minus the other one" in " ".join(shown.split())
    assert "film" in shown


def test_texts_that_are_too_long_are_counted_with_the_reason(here_is, cli):  # noqa: F811
    asked = ("patterns", "hf", "test.jsonl", "--limit", 3, "--longest", 2, "--json")
    report = json.loads(cli(*asked).out)
    assert report["metrics"]["patterns.past.mean"]["value"] is None
    (note,) = [note for note in report["notes"] if "--longest" in note]
    assert note.startswith("3 of 3 texts have more than 2 tokens")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--steps", 0), "--steps"),
        (("--longest", 1), "--longest"),
        (("--placeholder", "nothing"), "--placeholder"),
        (("--dtype", "bfloat16"), "--dtype float32"),
    ],
)
def test_what_cannot_be_asked(here_is, refused, asked, says):  # noqa: F811
    refused("patterns", "hf", "test.jsonl", *asked, says=(says,))


def test_models_without_such_layers_are_told_why(tiny, refused):
    says = ("one attention alone", "correlate")
    refused("patterns", tiny / "model.pt", tiny / "data.yaml", says=says)


def test_models_of_many_layers_are_refused(here, write_pretrained, refused):
    write_pretrained(here / "deep", "bert", head=2, num_hidden_layers=13)
    rows = [{"text": "a good film", "label": "LABEL_0"}, {"text": "bad", "label": "LABEL_1"}]
    (here / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    refused("patterns", "deep", "t.jsonl", says=("up to 12 layers, and the model has 13",))


def test_a_dry_run_counts_passes(here_is, cli):  # noqa: F811
    result = cli("patterns", "hf", "test.jsonl", "--steps", 2, "--dry-run", "--json")
    assert result.code == 0, result.err
    (part,) = json.loads(result.out)["parts"]
    assert part["passes"]["forward"] > 5 * 2 * 8
    assert not part["passes"]["exact"]


def test_it_is_explained(cli):
    shown = " ".join(cli("explain", "patterns").out.split())
    assert "decides no finding" in shown
    assert "found greedily" in shown
    assert "sum_w s_w I(pattern of w)" in cli("explain", "patterns.share.influence.heads").out
    assert "found greedily" in " ".join(cli("explain", "influence pattern").out.split())


def test_a_decoder_is_followed_to_the_token_that_is_read(here_is, write_pretrained, cli):  # noqa: F811
    """Its keys turn with where they stand, so that whole texts are run; nothing looks ahead."""
    kept = {"num_key_value_heads": 1, "intermediate_size": 16}
    write_pretrained(here_is / "decoder", "llama", head=2, framed=False, **kept, **NAMED)
    asked = ("patterns", "decoder", "test.jsonl", "--steps", 2, "--limit", 2)
    result = cli(*asked, "--records", "d.jsonl", "--json")
    assert result.code == 0, result.err
    figures = json.loads(result.out)["metrics"]
    assert figures["patterns.conservation.mean"]["value"] < 1e-5
    for record in records_in(here_is / "d.jsonl"):
        assert record["read"] == record["positions"] - 1
        for word, places in enumerate(record["patterns"]["influence"]["places"]):
            first = record["units"].index(word)
            assert first <= places[0] <= places[1] == record["read"]
