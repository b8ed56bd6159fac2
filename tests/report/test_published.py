"""Published figures: as the papers have them, turned into ours, beside the right figure of ours."""

from __future__ import annotations

import pytest

from attnaudit.errors import InputError
from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.report.literature import works_named
from attnaudit.report.published import (
    find_published,
    published_rows,
    published_table,
    with_published,
)
from attnaudit.report.registry import require

SST, WP = "jw2019:sst", "wp2019:sst"
LABELS = ["negative", "positive"]


@pytest.fixture
def made(make_report):
    """A report with some of the figures, of a BiLSTM with two classes."""

    def make(metrics, tables=(), **settings):
        report = make_report(
            Summary({k: Estimate(*v, n=9) for k, v in metrics.items()}, dict(tables))
        )
        model = report.model.model_validate(
            {
                "name": "m",
                "recipe": {"encoder": "bilstm", "attention": "additive"},
                "labels": LABELS,
            }
        )
        return report.model_copy(update={"model": model, "settings": settings or report.settings})

    return make


def cells(table):
    return {row[0]: dict(zip(table.columns[1:], row[1:], strict=True)) for row in table.rows}


@pytest.mark.parametrize("key", published_rows())
def test_every_row_names_figures_of_ours(key):
    row = find_published(key)
    assert works_named(row.work), row.work
    labels = [str(i) for i in range(3 if "snli" in key else 2)]
    figures = list(row.figures(labels))
    assert figures
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        ours = float(figure.ours.removeprefix("<"))
        assert -1 <= ours <= 1
        assert bool(figure.metric) != bool(figure.table)
        if figure.metric:
            low, high = require(figure.metric).range
            assert low is None or ours >= low
            assert high is None or ours <= high


def test_figures_are_those_of_the_papers():
    """Some of each place, from the printed tables and the authors' files."""
    expected = {
        SST: {
            "correlate.gradient.tau.mean": "0.35",
            "correlate.leave_one_out.tau.significant": "0.36",
            "correlate.gradient~leave_one_out.tau.std": "0.16",
            "correlate.strata, gradient, predicted positive": "0.36",
            "permute.bins, positive, 0.5 to 0.75, median": "0.06",
            "model.auroc": "0.902",
        },
        "jw2019:diabetes": {"permute.bins, positive, 0.75 to 1, median": "0.79"},
        "jw2019:snli:average": {"correlate.gradient.tau.mean": "0.58", "model.accuracy": "0.750"},
        "jw2019:babi1:dot": {"correlate.gradient.tau.mean": "0.44", "model.accuracy": "0.998"},
        WP: {
            "necessity.uniform_score.mean": "0.822",
            "probe.adversary.score": "0.592",
            "adversary.model[lambda=0.001].tvd.mean": "0.072",
            "adversary.model[lambda=0.001].jsd.mean": "0.514",
        },
        "wp2019:diabetes": {
            "probe.base.score": "0.753",
            "adversary.model[lambda=0.0004].f1": "0.775",
        },
        "pruthi2020:gender": {
            "deceive.floor.score": "0.633",
            "deceive[coefficient=0.0].mass": "0.968",
            "deceive[coefficient=1.0].mass": "<1e-8",
        },
        "pruthi2020:occupation:bert": {"deceive[coefficient=0.1].mass": "0.0001"},
    }
    for key, figures in expected.items():
        found = {figure.name: figure.ours for figure in find_published(key).figures(LABELS)}
        assert {name: found.get(name) for name in figures} == figures, key


def test_ours_stand_beside_theirs(made):
    bins = Table(
        "", ["predicted", "largest weight", "Q1", "median"], [["positive", "0 to 0.25", 0.1, 0.02]]
    )
    strata = Table("", ["", "predicted negative"], [["gradient", 0.33]])
    report = made(
        {"correlate.gradient.tau.mean": (0.3, 0.2, 0.4), "model.f1": (0.7,)},
        {"permute.bins": bins, "correlate.strata": strata},
    )
    table = published_table(find_published(SST), {"mine": report})
    assert table.columns == ["figure", "mine", "low", "high", "published", "from"]
    found = cells(table)
    assert list(found["correlate.gradient.tau.mean"].values()) == [
        0.3,
        0.2,
        0.4,
        "0.35",
        "result files, all texts",
    ]
    assert found["model.f1"]["published"] == "0.784"
    assert found["permute.bins, positive, 0 to 0.25, median"]["mine"] == 0.02
    assert found["correlate.strata, gradient, predicted negative"]["mine"] == 0.33
    assert found["correlate.strata, gradient, predicted negative"]["from"] == "Table 2"
    assert len(found) == 4
    every = len(list(find_published(SST).figures(LABELS)))
    assert f"{every - 4} more published figures" in table.notes[-1]
    assert "0 is negative, 1 is positive" in " ".join(table.notes)


def test_halved_figures_are_doubled_and_it_is_said(made):
    name = "adversary.model[lambda=0.001].tvd.mean"
    report = made({name: (0.05, 0.04, 0.06)}, score="macro_f1")
    table = published_table(find_published(WP), {"mine": report})
    assert cells(table)[name] == {
        "mine": 0.05,
        "low": 0.04,
        "high": 0.06,
        "published": "0.072",
        "as printed": "0.036",
        "from": "Table 4, their lambda 0.0005, not checked",
    }
    notes = " ".join(table.notes)
    assert "twice what they print" in notes
    assert "not compared with the printed paper" in notes
    assert "macro_f1" not in notes  # this figure is no score


def test_percentages_are_shares_and_it_is_said(made):
    of = "deceive[coefficient=1.0]"
    report = made({f"{of}.score": (0.98,), f"{of}.mass": (0.001,)}, score="macro_f1")
    table = published_table(find_published("pruthi2020:gender"), {"mine": report})
    found = cells(table)
    assert (found[f"{of}.score"]["published"], found[f"{of}.score"]["as printed"]) == (
        "1.00",
        "100",
    )
    assert (found[f"{of}.mass"]["published"], found[f"{of}.mass"]["as printed"]) == (
        "<1e-8",
        "<1e-6",
    )
    notes = " ".join(table.notes)
    assert "percentages" in notes
    assert "twice" not in notes
    assert "are the accuracy: run with --score accuracy to compare" in notes
    assert "its attention is additive, not dot" in notes


def test_what_is_not_alike_is_said(made):
    report = made({"probe.base.score": (0.5,)}, probe={"score": "macro_f1"})
    notes = " ".join(published_table(find_published(WP), {"mine": report}).notes)
    assert "The scores of mine are macro_f1" in notes
    fair = made({"probe.base.score": (0.5,)}, probe={"score": "f1"})
    assert "run with --score f1" not in " ".join(
        published_table(find_published(WP), {"x": fair}).notes
    )
    cnn = made({"correlate.gradient.tau.mean": (0.5,)})
    notes = " ".join(published_table(find_published(f"{SST}:cnn"), {"mine": cnn}).notes)
    assert "its encoder is bilstm, not cnn" in notes


def test_the_table_stands_behind_the_first(made):
    report = made(
        {"model.f1": (0.7,)}, {"a": Table("A", ["x"], [[1]]), "b": Table("B", ["x"], [[1]])}
    )
    assert list(with_published(report, find_published(SST), {"mine": report}).tables) == [
        "a",
        "published",
        "b",
    ]


def test_what_is_unknown_or_has_nothing_in_common_is_refused(made):
    says = (
        r"'jw2019:stt': no such row; did you mean 'jw2019:sst'\? Known: jw2019:DATA with .*anemia"
    )
    with pytest.raises(InputError, match=says):
        find_published("jw2019:stt")
    report = made({"erase.single.spearman": (0.5,)})
    with pytest.raises(InputError, match="the report has none of its figures"):
        published_table(find_published(SST), {"mine": report})
