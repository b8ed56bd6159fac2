from __future__ import annotations

import json

from scipy.stats import kendalltau

from attnaudit.report.layout import number


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


def test_a_page_of_the_run_itself_has_heatmaps_where_words_may_be_shown(correlate, here):
    for more, there in (((), False), (("--text",), True)):
        assert correlate("--output", "page.html", *more).code == 0
        page = (here / "page.html").read_text()
        assert ("run the audit with --text" in page) is not there
        assert ('class="heatmap' in page) is there


def test_what_cannot_be_shown_is_refused(correlate, refused, tiny, here):
    correlate("--records", "r.jsonl", "-o", "r.json")
    refused("report", "r.jsonl", "--show", 1, says=["r.jsonl", "--text"])
    refused("report", "r.json", "--show", 1, says=["--show", "--records"])
    says = ["records of permute do not contain the attention"]
    refused("permute", tiny / "model.pt", tiny / "data.yaml", "--show", 1, says=says)


def test_one_text_is_shown_with_all_that_the_records_hold(cli, refused, tiny, here):
    measures = ("--measure", "leave_one_out", "--measure", "gradient_l2", "--measure", "random")
    pair = (tiny / "model.pt", tiny / "data.yaml", *measures, "--text")
    assert cli("correlate", *pair, "--records", "c.jsonl", "-q").code == 0
    assert cli("erase", *pair, "--records", "e.jsonl", "-q").code == 0
    lines = [json.loads(line) for line in (here / "c.jsonl").read_text().splitlines()]
    erased = [json.loads(line) for line in (here / "e.jsonl").read_text().splitlines()]
    record, other = lines[4], next(one for one in erased[1:] if one["id"] == lines[4]["id"])
    shown = cli("report", "c.jsonl", "e.jsonl", "--show-id", record["id"])
    assert shown.code == 0, shown.err
    said = " ".join(shown.out.partition("Heatmaps")[2].split())
    assert said.startswith("1 of 30 texts, asked for by id.")
    assert said.count(": predicted") == 1
    assert f"{record['id']}: predicted" in said
    by_name = {"attention": record["attention"], **record["importance"]}
    table = said.partition("Scores on this text")[2]
    for name, scores in by_name.items():
        taus = [
            "n/a" if name == against else f"{kendalltau(scores, by_name[against]).statistic:.3f}"
            for against in ("attention", "leave_one_out")
        ]
        figures = [
            number(sum(other[kind][name]) / 5) for kind in ("comprehensiveness", "sufficiency")
        ]
        people = f"{other['plausibility'][name]['token_f1']:.3f}"
        row = "the model's attention" if name == "attention" else name.replace("_", " ")
        assert " ".join([row, *taus, *figures, people]) in table
    page = cli("report", "c.jsonl", "e.jsonl", "--show-id", record["id"], "--format", "html").out
    assert page.count('class="heatmap"') == 1
    assert page.count('<p class="row">') == 4
    assert page.count("Scores on this text") == 2  # the caption, and what reads the table aloud
    refused("report", "c.jsonl", "--show-id", "nobody", says=["has the id 'nobody'", "--text"])
    refused("report", "c.jsonl", "--show-id", "x", "--show", 2, says=["--show and --show-id"])
    pair = ("report", "c.jsonl", "e.jsonl", "--compare")
    refused(*pair, "--show-id", record["id"], says=["--compare cannot be used together"])


def test_one_text_is_shown_by_several_readings(cli, refused, tiny, here):
    pair = (tiny / "model.pt", tiny / "data.yaml", "--measure", "leave_one_out", "--text", "-q")
    for name in ("mean", "norms", "gradient_attention"):
        assert cli("correlate", *pair, "--reading", name, "--records", f"{name}.jsonl").code == 0
    more = (*pair, "--reading", "norms", "--records", "e.jsonl")
    assert cli("erase", *more).code == 0
    lines = [json.loads(line) for line in (here / "norms.jsonl").read_text().splitlines()]
    files = ("norms.jsonl", "mean.jsonl", "e.jsonl", "gradient_attention.jsonl")
    shown = cli("report", *files, "--show-id", lines[4]["id"])
    assert shown.code == 0, shown.err
    rows = ("the model's attention", "reading norms", "reading gradient attention", "leave one out")
    heatmaps, _, table = shown.out.partition("Heatmaps")[2].partition("Scores on this text")
    assert [line for line in heatmaps.splitlines() if line in rows] == list(rows)
    tau = kendalltau(lines[4]["attention"], lines[4]["importance"]["leave_one_out"]).statistic
    (row,) = (line.split() for line in table.splitlines() if line.startswith("reading norms"))
    assert row[3] == f"{tau:.3f}"
    assert "n/a" not in row  # erase was asked by this reading
    (row,) = (line.split() for line in table.splitlines() if line.startswith("the model's"))
    assert row[-2:] == ["n/a", "n/a"]
    said = " ".join(shown.out.split())
    assert (
        "Of mean.jsonl (mean), gradient_attention.jsonl (gradient_attention) only heatmaps and"
        " their scores are shown. All other figures of correlate are by the reading norms." in said
    )
    alone = json.loads(cli("report", "norms.jsonl", "e.jsonl", "--json").out)["metrics"]
    both = json.loads(cli("report", *files, "--show-id", lines[4]["id"], "--json").out)["metrics"]
    assert both == alone
    says = ["mean.jsonl: is a second report of correlate", "--show-id shows a text by both"]
    refused("report", "norms.jsonl", "mean.jsonl", says=says)
    twice = ("report", "mean.jsonl", "mean.jsonl", "--show-id", lines[4]["id"])
    refused(*twice, says=["is a second report of correlate"])
