"""`attnaudit calibrate`, and reports that name what it wrote."""

from __future__ import annotations

import json

import pytest

from attnaudit.calibration import running
from attnaudit.calibration.plants import PLANTS
from attnaudit.calibration.running import QUICK, Found
from attnaudit.records.calibration import read_calibration

CHEAPEST = "untrained"


def expected(plant):
    never = {"never for": "against", "never against": "for"}
    return {name: never.get(s, s) for name, s in PLANTS[plant].expected.items()}


@pytest.fixture
def found(monkeypatch):
    """What tasks find, by plant, where it is not what is expected; and all tasks that were run."""
    other, done = {}, []

    def work(task):
        done.append(task)
        plant, seed = task
        return Found(plant, seed, {**expected(plant), **other.get(plant, {})}, 1.0)

    monkeypatch.setattr(running, "work", work)
    return other, done


@pytest.mark.whole  # the one test that trains: the others are told what is found
def test_the_cheapest_plant_through_the_entry_point(cli, here):
    result = cli("calibrate", CHEAPEST, "-o", "c.json", "--workers", 1, "--seed", 1001)
    assert (result.code, result.err) == (0, "")
    assert "1 of 1 plants hold." in result.out
    made = read_calibration(here / "c.json")
    assert {row.found["not_assessed"] for row in made.table} == {1}
    assert made.first_seed == 1001
    assert sorted(p.name for p in here.iterdir()) == ["c.json"]


def test_the_table_and_the_document_say_the_same(cli, here, found):
    result = cli("calibrate", "--workers", 1, "-o", "c.json")
    assert result.code == 0
    made = read_calibration(here / "c.json")
    assert list(made.verdicts) == list(PLANTS)
    assert f"{len(PLANTS)} of {len(PLANTS)} plants hold." in result.out
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 100
    for row in made.table:
        line = next(
            x for x in lines if x.startswith(f"{row.plant} ") and row.finding.replace("_", " ") in x
        )
        assert row.expected.replace("_", " ") in line
        assert line.rstrip().endswith("holds")
    assert json.loads(cli("calibrate", "--json", "--workers", 1, "shift").out)["seeds"] == 1
    assert cli("calibrate", "--quiet", "--workers", 1, "shift").out == ""
    assert PLANTS["shift"].story[:40] in cli("calibrate", "-v", "--workers", 1, "shift").out


def test_quick_runs_some(cli, found):
    assert cli("calibrate", "--quick", "--workers", 1).code == 0
    assert {plant for plant, _ in found[1]} == set(QUICK)


@pytest.mark.parametrize(
    ("status", "says"), [("against", "FAILS: marker."), ("inconclusive", "OPEN: marker.")]
)
def test_a_plant_that_does_not_hold_gives_1(cli, found, status, says):
    found[0]["marker"] = {"necessary": status}
    result = cli("calibrate", "marker", "shift", "--workers", 1)
    assert result.code == 1
    assert says in result.out
    assert "1 of 2 plants hold." in result.out


def test_several_seeds_are_counted(cli, here, found):
    result = cli("calibrate", "shift", "--seeds", 3, "--seed", 7, "--workers", 1, "-o", "c.json")
    assert "3/3 [0.29, 1.00]" in result.out
    assert found[1] == [("shift", 7), ("shift", 8), ("shift", 9)]
    assert {row.seeds for row in read_calibration(here / "c.json").table} == {3}


def test_an_interrupted_run_goes_on(cli, here, found, monkeypatch):
    honest = running.work

    def stopped(task):
        if len(found[1]) == 2:
            raise KeyboardInterrupt
        return honest(task)

    monkeypatch.setattr(running, "work", stopped)
    asked = ("calibrate", "shift", "marker", "twin", "--workers", 1, "-o", "c.json")
    assert cli(*asked).code == 130
    assert not (here / "c.json").exists()
    again = cli(*asked)
    assert again.code == 2
    assert "continue it with --resume" in again.err
    monkeypatch.setattr(running, "work", honest)
    assert cli(*asked, "--resume").code == 0
    assert len(found[1]) == 3
    assert [p.name for p in here.iterdir()] == ["c.json"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nothing",), "there is no plant 'nothing'"),
        (("markre",), "did you mean 'marker'?"),
        (("--quick", "marker"), "--quick chooses the plants itself"),
        (("--seed", 120), "the developers test the rules"),
        (("--seed", 110, "--seeds", 11), "the developers test the rules"),
        (("--resume",), "--resume needs -o FILE"),
        (("--seeds", 0), "--seeds"),
        (("-o", "none/c.json"), "the folder does not exist"),
    ],
)
def test_mistakes(refused, found, arguments, says):
    refused("calibrate", *arguments, says=[says])
    assert found[1] == []


@pytest.fixture
def report(correlate, here):
    assert correlate("-o", "r.json").code == 0
    return here / "r.json"


@pytest.mark.parametrize("form", ["text", "markdown", "html", "junit", "json"])
def test_reports_name_the_calibration(cli, here, report, found, form):
    assert cli("calibrate", "marker", "shift", "--workers", 1, "-o", "c.json").code == 0
    result = cli("report", "r.json", "--calibration", "c.json", "--format", form)
    assert result.code == 0
    if form == "json":
        facts = json.loads(result.out)["manifest"]["calibration"]
        assert (facts["holds"], facts["plants"], facts["current"]) == (2, 2, True)
        assert facts["failing"] == []
    elif form == "junit":
        assert 'name="calibration.holds" value="2 of 2"' in result.out
    else:
        plain = " ".join(result.out.replace("\\", "").split())
        assert (
            "The rules were tested on models whose right answers are known: 2 of 2 came out right "
            "(c.json, 20"
        ) in plain
        assert "Rules failed" not in plain
        assert "Another version" not in plain


def test_reports_say_loudly_where_a_rule_failed_or_other_code_made_it(cli, here, report, found):
    found[0]["marker"] = {"necessary": "against"}
    assert cli("calibrate", "marker", "shift", "--workers", 1, "-o", "c.json").code == 1
    content = json.loads((here / "c.json").read_text())
    (here / "c.json").write_text(json.dumps({**content, "attnaudit": "0.0.1"}))
    said = " ".join(cli("report", "r.json", "--calibration", "c.json").out.split())
    assert "whose right answers are known: 1 of 2 came out right (c.json, 20" in said
    assert "Rules failed on: marker. Do not rely on these findings" in said
    assert "Another version or other code of attnaudit made this test (0.0.1)" in said


def test_a_report_keeps_the_calibration_that_it_names(cli, here, report, found):
    assert cli("calibrate", "shift", "--workers", 1, "-o", "c.json").code == 0
    assert cli("report", "r.json", "--calibration", "c.json", "-o", "named.json").code == 0
    said = " ".join(cli("report", "named.json").out.split())
    assert "whose right answers are known: 1 of 1 came out right (c.json, 20" in said


def test_what_is_no_calibration_is_refused(refused, here, report):
    (here / "c.json").write_text('{"kind": "attnaudit-calibration"}')
    refused("report", "r.json", "--calibration", "c.json", says=["c.json: has schema version None"])
    refused("report", "r.json", "--calibration", "r.json", says=["is not a calibration"])
    refused("report", "r.json", "--calibration", "no.json", says=["no.json: no such file"])
