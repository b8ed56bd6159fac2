"""Reports side by side: what the columns hold, what is said of differences, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attnaudit.errors import InputError
from attnaudit.findings.finding import Finding
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.report.compared import files_of, load_sides, short_names
from attnaudit.report.comparison import COMPARED, compare_reports
from attnaudit.report.schema import OF_EACH, Report, dumps, loads
from attnaudit.report.wording import facts, findings, nothing_assessed


@pytest.fixture
def write(tmp_path, make_report):
    """Write a report with one figure of attention under a name, and changes; its path."""

    def make(name: str, tau: float | None, accuracy: float = 0.8, **changes) -> Path:
        metrics = {"model.accuracy": Estimate(accuracy, accuracy - 0.05, accuracy + 0.05, n=9)}
        if tau is not None:
            metrics["correlate.gradient.tau.mean"] = Estimate(tau, tau - 0.1, tau + 0.1, n=9)
        report = make_report(Summary(metrics, notes=[f"A note of {name}."]))
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(dumps(report.model_copy(update=changes)))
        return path

    return make


def compared(*paths: Path) -> Report:
    return compare_reports(load_sides(paths), ["attnaudit", "report"])


def table(report: Report, name: str) -> dict[str, list]:
    found = report.tables[f"{COMPARED}.{name}"]
    return {str(row[0]): row[1:] for row in found.rows}


def test_a_column_a_report(write):
    report = compared(write("a.json", 0.3), write("b.json", 0.4, 0.9), write("c.json", 0.5))
    evidence = report.tables[f"{COMPARED}.evidence"]
    names = ["a", "low", "high", "b", "low", "high", "c", "low", "high"]
    assert evidence.columns == ["test", "figure", *names]
    taus = next(row for row in evidence.rows if row[0] == "correlate")
    assert taus[2:] == pytest.approx([0.3, 0.2, 0.4, 0.4, 0.3, 0.5, 0.5, 0.4, 0.6])
    metrics = table(report, "metrics")
    assert metrics["model.accuracy"] == pytest.approx(
        [0.8, 0.75, 0.85, 0.9, 0.85, 0.95, 0.8, 0.75, 0.85]
    )
    assert report.tables[f"{COMPARED}.metrics"].detail
    assert report.notes == [f"{name}: A note of {name}.json." for name in "abc"]
    assert loads(dumps(report), "x") == report
    assert report.meaning == [OF_EACH]


def test_what_one_report_lacks_is_empty(write, make_report, tmp_path):
    more = make_report(
        Summary(
            {
                "correlate.gradient.tau.mean": Estimate(0.2, 0.1, 0.3, n=9),
                "permute.tvd.median": Estimate(0.1, n=9),
            }
        )
    )
    (tmp_path / "more.json").write_text(dumps(more))
    report = compared(write("a.json", 0.3), tmp_path / "more.json")
    assert table(report, "metrics")["permute.tvd.median"] == [None, None, None, 0.1, None, None]
    assert table(report, "metrics")["model.accuracy"][3:] == [None, None, None]


def test_differences_are_said(write, report):
    other = report.dataset.model_copy(update={"sha256": "f" * 64})
    alike = compared(write("a.json", 0.3), write("b.json", 0.4))
    assert [fact.name for fact in facts(alike)] == ["compared"]
    assert f"{COMPARED}.settings" not in alike.tables
    settings = {**report.settings, "top": 0.5, "guides": [{"name": "g", "path": "p"}]}
    differ = compared(
        write("a.json", 0.3),
        write("b.json", 0.4, dataset=other),
        write("c.json", 0.1, settings=settings),
    )
    said = [fact for fact in facts(differ) if fact.loud]
    assert [fact.words.partition(".")[0] for fact in said] == [
        "The data differ",
        "Settings differ: correlate",
    ]
    assert table(differ, "settings")["correlate.top"][-1] == "0.5"
    assert table(differ, "settings")["correlate.guides.1.name"] == ["", "", "g"]
    assert not any("path" in name for name in table(differ, "settings"))
    assert table(differ, "reports")["data sha256"][1] == "f" * 12
    fewer = report.dataset.model_copy(update={"instances": 7, "partial": True})
    fewer_said = list(facts(compared(write("a.json", 0.3), write("b.json", 0.4, dataset=fewer))))
    assert "numbers of texts differ" in fewer_said[1].words
    assert fewer_said[2].words.startswith("b: some rows were not audited")


def test_recipes_that_differ_are_settings_that_differ(write, report):
    models = [
        report.model.model_validate({"name": "m", "sha256": "a" * 64, "recipe": {"encoder": name}})
        for name in ("cnn", "bilstm")
    ]
    paths = [write(f"{i}.json", 0.1 + i / 10, model=model) for i, model in enumerate(models)]
    found = compared(*paths)
    assert table(found, "settings")["model.recipe.encoder"] == ["cnn", "bilstm"]
    assert found.model.name == "m"


def test_the_heading_of_a_repaired_model_says_how_it_is_repaired(write, report):
    recipe = {"encoder": "orthogonal_bilstm", "attention": "additive"}
    repaired = {"name": "m", "sha256": "a" * 64, "recipe": recipe, "repairs": {"conicity": 0.5}}
    model = report.model.model_validate(repaired)
    found = compared(write("plain.json", 0.3), write("repaired.json", 0.4, model=model))
    heading = "repaired (orthogonal BiLSTM, conicity=0.5)"
    for name in ("reports", "settings", "evidence", "metrics"):
        assert heading in found.tables[f"{COMPARED}.{name}"].columns
    assert "plain" in found.tables[f"{COMPARED}.reports"].columns
    assert table(found, "settings")["model.repairs.conicity"] == ["", "0.5"]


def test_findings_stand_side_by_side(write, report):
    known = Finding(
        status="for", reason="r", statistic=0.3, metric="necessity.score_gap", interval=[0.2, 0.4]
    )
    stated = {**report.findings, "necessary": known}
    old = {**report.findings, "necessary": known.model_copy(update={"edition": 1})}
    found = compared(write("a.json", 0.3, findings=stated), write("b.json", 0.4))
    assert table(found, "findings")["necessary"] == ["for", "not assessed"]
    assert table(found, "statistics")["necessary"] == [
        *("necessity.score_gap", 0.3, 0.2, 0.4, None, None, None)
    ]
    assert findings(found) == []
    assert nothing_assessed(found).startswith("A comparison makes no findings of its own")
    mixed = compared(write("a.json", 0.3, findings=stated), write("b.json", 0.4, findings=old))
    assert any("different versions" in fact.words for fact in facts(mixed))


def test_what_cannot_be_compared_is_refused(write, tmp_path):
    a, b = write("a.json", 0.3), write("b.json", None)
    with pytest.raises(InputError, match="needs two reports"):
        load_sides([a])
    with pytest.raises(InputError, match=r"b\.json: has no figure in common with .*a\.json"):
        load_sides([a, b])
    (tmp_path / "copy.json").write_bytes(a.read_bytes())
    with pytest.raises(InputError, match=r"copy\.json: has the same content as .*a\.json"):
        load_sides([a, tmp_path / "copy.json"])
    old = json.loads(a.read_text())
    old["metrics"]["necessity.f1_gap"] = old["metrics"]["correlate.gradient.tau.mean"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    with pytest.raises(
        InputError, match=r"old\.json: contains necessity\.f1_gap of an older version"
    ):
        load_sides([a, tmp_path / "old.json"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: is a folder without records"):
        load_sides([a, tmp_path / "empty"])


def test_a_folder_of_an_audit_is_its_records_or_its_report(tmp_path):
    (tmp_path / "report.json").touch()
    assert files_of(tmp_path) == [tmp_path / "report.json"]
    (tmp_path / "records").mkdir()
    for name in ("b.jsonl", "a.jsonl", "c.jsonl.partial"):
        (tmp_path / "records" / name).touch()
    assert [path.name for path in files_of(tmp_path)] == ["a.jsonl", "b.jsonl"]
    assert files_of(tmp_path / "x.json") == [tmp_path / "x.json"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["runs/a/report.json", "runs/b/report.json"], ["a", "b"]),
        (["a.json", "b.jsonl"], ["a", "b"]),
        (["x/one/r.json", "x/two/r.json", "x/one/s.json"], ["one/r", "two/r", "one/s"]),
        (["a.json", "a.jsonl"], ["a.json", "a.jsonl"]),
        (["low.json", "high.json"], ["report low", "report high"]),
        (["report.json", "b/report.json"], ["report", "b"]),
    ],
)
def test_names_are_short_and_different(paths, names):
    assert short_names([Path(path) for path in paths]) == names
