"""A question, an importance, a reading and a format of one's own: on the lists, all of it works.

The toys are files of `tests/toys/toys` that are on no list of the program. `tests/toys/run.py` puts
them on the lists, each by one line, and runs the program.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from attnaudit.importance import IMPORTANCES
from attnaudit.questions import all_questions
from attnaudit.readings import READINGS
from attnaudit.report.formats import FORMATS
from tests import parts

ROOT = Path(__file__).parent.parent
TOYS = ROOT / "tests" / "toys"


@pytest.fixture(scope="module")
def toy(tiny, tmp_path_factory):
    """Run the program with the toys on its lists, less those `left_out`."""
    folder = tmp_path_factory.mktemp("toys")
    for path in tiny.iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name)

    def run(*args, left_out="-", code=0, lines=None):
        path = os.pathsep.join([str(TOYS), str(ROOT)])
        done = subprocess.run(
            [sys.executable, str(TOYS / "run.py"), left_out, *args],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "100"},
            input=lines,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    def run_all(lines):
        """What several command lines say, from one start of the program, which takes a second."""
        said = json.loads(run(lines=json.dumps(lines)))
        assert [(code, err) for code, _, err in said] == [(0, "")] * len(lines)
        return [out for _, out, _ in said]

    run.folder, run.all = folder, run_all
    return run


ASKED = ("model.pt", "data.yaml")


@pytest.fixture(scope="module")
def records(toy):
    """Records of the toy question, with the toy reading."""
    toy("loud", *ASKED, "--reading", "last", "--times", "2", "--text", "--records", "l.jsonl", "-q")
    return "l.jsonl"


def test_a_question_has_its_subcommand(toy):
    shown = " ".join(toy("loud", "--help").split())
    assert "How loud is the loudest word?" in shown
    assert "The largest weight that the reading gives a word of a text." in shown
    assert "How many times each weight counts. [default: 1; x>=1]" in shown
    assert "--reading" in shown
    assert "--times" in toy("loud", *ASKED, "--times", "0", code=2)
    assert "loud" in toy("loud", *ASKED, left_out="question", code=2)


@pytest.mark.whole  # a start of the program that loads the model
def test_a_question_is_planned_before_it_runs(toy):
    plan = json.loads(toy("loud", *ASKED, "--dry-run", "--json"))
    assert [part["name"] for part in plan["parts"]] == ["loud"]
    assert plan["parts"][0]["passes"]["forward"] == 30


FORMS = (*(form.name for form in FORMATS), "shout")


@pytest.fixture(scope="module")
def reports(toy, records):
    """The report of these records, by the name of its format."""
    rule = "gates: [{id: quiet, metric: loud.largest.mean, max: 0.99}]\n"
    (toy.folder / "quiet.yaml").write_text(rule)
    asked = ("report", records, "--policy", "quiet.yaml", "--format")
    return dict(zip(FORMS, toy.all([[*asked, form] for form in FORMS]), strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_a_question_is_reported_in_every_format(reports, form):
    shown = reports[form]
    if form == "html":
        assert "How loud the loudest word is" in shown
        assert "<svg" in shown
        assert "How loud is the loudest word?" in shown
    elif form == "shout":
        assert "LOUD.LARGEST.MEAN 0." in shown
    elif form == "json":
        report = json.loads(shown)
        assert report["settings"]["reading"] == "last"
        assert report["metrics"]["loud.largest.mean"]["n"] == 30
    elif form in ("github", "in-toto"):  # which hold gates alone
        assert "quiet" in shown or "1 passed" in shown
    else:
        assert "loud.largest.mean" in shown or "The loudest word of a text" in shown


def test_a_format_is_taken_from_the_name_of_a_file(toy, records):
    toy("report", records, "-o", "l.shout", "-q")
    assert "LOUD.LARGEST.MEAN" in toy("report", records, "--format", "shout")
    assert "'shout' is not one of" in toy(
        "report", records, "--format", "shout", left_out="format", code=2
    )


@pytest.mark.whole  # five starts of the program
def test_a_question_can_be_shown_gated_and_put_beside_others(toy, records):
    rule = "gates: [{id: quiet, metric: loud.largest.mean, max: 1}]\n"
    (toy.folder / "policy.yaml").write_text(rule)
    report = json.loads(toy("report", records, "--policy", "policy.yaml", "--json"))
    assert report["gates"][0]["metric"] == "loud.largest.mean"
    toy("permute", *ASKED, "--permutations", "2", "--records", "p.jsonl", "-q")
    both = toy("report", "p.jsonl", records)
    assert "largest weight" in both.partition("The evidence")[2]
    assert "attention" in toy("report", records, "--show", "1").lower()


@pytest.mark.whole  # half a minute
def test_an_importance_is_compared_and_deleted_like_the_others(toy):
    asked = ("--measure", "word_number", "--measure", "random", "--json")
    report = json.loads(toy("correlate", *ASKED, *asked))
    assert report["metrics"]["correlate.word_number.tau.mean"]["n"] > 0
    assert "correlate.random~word_number.tau.mean" in report["metrics"]
    plan = toy("correlate", *ASKED, *asked[:-1], "--dry-run")
    assert "correlate" in plan
    unknown = toy("correlate", *ASKED, "--measure", "word_number", left_out="importance", code=2)
    assert "unknown importance measure 'word_number'" in unknown


@pytest.mark.whole  # two starts of the program
def test_a_reading_is_offered_wherever_attention_is_shown(toy):
    report = json.loads(toy("permute", *ASKED, "--reading", "last", "--json"))
    assert report["settings"]["reading"] == "last"
    unknown = toy("permute", *ASKED, "--reading", "last", left_out="reading", code=2)
    assert "unknown reading 'last'" in unknown


def test_everything_is_explained(toy):
    known = {
        "loud": "How loud is the loudest word?",
        "loud.largest.mean": "Mean over instances of the largest weight of a word.",
        "times": "How many times each weight counts.",
        "word_number": "The number of the word in its text.",
        "last": "The weights of the last head alone.",
        "shout": "Every metric in capitals.",
    }
    said = toy.all([["explain", name] for name in known])
    for (name, says), shown in zip(known.items(), said, strict=True):
        assert says in " ".join(shown.split()), name


# What is on the lists is whole


@pytest.mark.parametrize("question", all_questions(), ids=lambda question: question.name)
def test_a_question_has_all_its_parts(question):
    assert list(parts.missing_of_question(question)) == []


@pytest.mark.parametrize("importance", IMPORTANCES.values(), ids=list(IMPORTANCES))
def test_an_importance_has_all_its_parts(importance):
    assert list(parts.missing_of_importance(importance)) == []


@pytest.mark.parametrize("reading", READINGS.values(), ids=list(READINGS))
def test_a_reading_has_all_its_parts(reading):
    assert list(parts.missing_of_reading(reading)) == []


@pytest.mark.parametrize("form", FORMATS, ids=[form.name for form in FORMATS])
def test_a_format_has_all_its_parts(form):
    assert list(parts.missing_of_format(form)) == []


@pytest.fixture
def loud(monkeypatch):
    monkeypatch.syspath_prepend(str(TOYS))
    monkeypatch.setattr(parts, "find", lambda name: name)
    yield __import__("toys.loud", fromlist=["QUESTION"]).QUESTION
    for name in [name for name in sys.modules if name.partition(".")[0] == "toys"]:
        del sys.modules[name]


def test_the_toys_have_all_their_parts(loud):
    from toys.last_head import READING
    from toys.shout import FORMAT
    from toys.word_number import IMPORTANCE

    assert list(parts.missing_of_question(loud)) == []
    assert list(parts.missing_of_importance(IMPORTANCE)) == []
    assert list(parts.missing_of_reading(READING)) == []
    assert list(parts.missing_of_format(FORMAT)) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"about": ""}, "about"),
        ({"traps": ""}, "traps"),
        ({"source": ""}, "source"),
        ({"metrics": ()}, "metrics"),
        ({"evidence": ()}, "a row of the evidence table"),
        ({"module": "toys"}, "summarise.py"),
    ],
)
def test_a_part_that_is_left_out_is_missed(loud, changed, says):
    assert says in list(parts.missing_of_question(replace(loud, **changed)))


def test_figures_a_cost_and_descriptions_are_missed(loud, monkeypatch):
    monkeypatch.setattr(type(loud), "draws", property(lambda self: False))
    assert list(parts.missing_of_question(loud)) == ["figures"]
    with pytest.raises(ValueError, match="has a cost"):
        replace(loud.maker, cost=None)
    bare = replace(loud.metrics[0], formula="")
    assert "formula of loud.largest.mean" in list(
        parts.missing_of_question(replace(loud, metrics=(bare,)))
    )
