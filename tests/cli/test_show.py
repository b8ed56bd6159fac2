from __future__ import annotations

import json


def test_heatmaps_follow_the_report(correlate):
    plain, shown = correlate(), correlate("--show", 2)
    assert shown.code == 0
    assert shown.out.startswith(plain.out)
    assert "Heatmaps\n2 of 30 texts" in shown.out.removeprefix(plain.out)
    assert "Heatmaps" not in plain.out


def test_json_stays_json(correlate):
    assert "Heatmaps" not in json.dumps(json.loads(correlate("--show", 2, "--json").out))


def test_records_that_hold_words_show_them_again(correlate, cli, here):
    first = correlate("--show", 1, "--text", "--records", "r.jsonl")
    again = cli("report", "r.jsonl", "--show", 1)
    assert again.code == 0
    assert again.out.partition("Heatmaps")[2] == first.out.partition("Heatmaps")[2] != ""
    page = cli("report", "r.jsonl", "--show", 1, "--format", "html")
    assert page.code == 0
    assert page.out.count('class="heatmap"') == 1
    assert cli("report", "r.jsonl", "-o", "r.html", "-q").code == 0
    assert (here / "r.html").read_text().count('class="heatmap"') == 5


def test_what_cannot_be_shown_is_refused(correlate, refused, tiny, here):
    correlate("--records", "r.jsonl", "-o", "r.json")
    refused("report", "r.jsonl", "--show", 1, says=["r.jsonl", "--text"])
    refused("report", "r.json", "--show", 1, says=["--show", "--records"])
    says = ["records of permute do not contain the attention"]
    refused("permute", tiny / "model.pt", tiny / "data.yaml", "--show", 1, says=says)
