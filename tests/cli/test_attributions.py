"""Scores of another tool, from the command line to the report and back from the records."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest

from tests.cli.conftest import files_in

SAMPLES = Path(__file__).parents[2] / "sample_configs"
LOO = ("--measure", "leave_one_out", "--measure", "random")
FIGURES = ("tau.mean", "tau.std", "tau.significant_bh", "weighted_tau.mean", "top_overlap.mean")


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path.name


@pytest.fixture(scope="module")
def scores(tiny, tmp_path_factory):
    """The tool's own leave-one-out scores with their signs, by the id of a text."""
    from attnaudit.execution.observer import Silent
    from attnaudit.questions import find_question
    from attnaudit.questions.correlate.settings import CorrelateSettings
    from attnaudit.running.job import Job
    from attnaudit.running.run import run_questions

    path = tmp_path_factory.mktemp("own") / "own.jsonl"
    asked = [(find_question("correlate"), CorrelateSettings(measures=("leave_one_out",)))]
    run_questions(
        asked, Job(str(tiny / "model.pt"), tiny / "data.yaml", records=path), None, Silent()
    )
    found = {}
    for record in lines_of(path)[1:-1]:
        values, signs = (record[key]["leave_one_out"] for key in ("importance", "signs"))
        found[record["id"]] = [v * s for v, s in zip(values, signs, strict=True)]
    return found


@pytest.fixture
def by_words(here, scores):
    rows = [{"id": name, "scores": values} for name, values in scores.items()]
    return write(here / "captum.jsonl", *rows)


@pytest.fixture
def by_spans(here, scores, tiny):
    """The same by characters, for all texts but two; each word is cut in halves."""
    texts = {row["id"]: row["text"] for row in lines_of(tiny / "test.jsonl")}
    rows = [{"attributions": "halves", "tool": "a tool", "version": "3", "method": "halving"}]
    for name, values in list(scores.items())[2:]:
        spans = [[0, 0, 0.5]]
        words = re.finditer(r"\S+", texts[name])
        for match, value in zip(words, values, strict=True):
            half = (match.start() + match.end() + 1) // 2
            spans += [[match.start(), half, value], [half, match.end(), 0.0]]
        rows.append({"id": name, "spans": spans, "text": texts[name]})
    return write(here / "spans.jsonl", *rows)


@pytest.fixture
def ask(cli, tiny):
    def run(command, *args):
        return cli(command, tiny / "model.pt", tiny / "data.yaml", *args)

    return run


def test_the_tools_own_scores_read_back_give_the_same_figures(ask, here, by_words, by_spans):
    files = ("--attributions", by_words, "--attributions", by_spans)
    done = ask("correlate", *LOO, *files, "--records", "r.jsonl", "-o", "r.json", "-v")
    assert done.code == 0, done.err
    report = json.loads((here / "r.json").read_text())
    metrics = report["metrics"]
    for figure in FIGURES:
        own, read = (metrics[f"correlate.{n}.{figure}"] for n in ("leave_one_out", "captum"))
        assert own == read
        assert own["value"] is not None
    assert metrics["correlate.captum.tau.mean"]["direction"] == "higher"
    for pair in ("leave_one_out~captum", "captum~halves", "leave_one_out~halves"):
        assert metrics[f"correlate.{pair}.tau.mean"]["value"] == pytest.approx(1)
    assert "correlate.random~captum.tau.mean" in metrics
    n = report["dataset"]["instances"]
    assert metrics["correlate.halves.tau.mean"]["n"] == n - 2
    assert metrics["correlate.halves.tau.mean"]["undefined"] == 2
    assert f"spans.jsonl: it has scores for {n - 2} of {n} audited texts" in done.err
    assert "are of no word that is audited" in done.err
    assert "captum.jsonl: " not in done.err
    assert "halves: scores of another tool (a tool 3, halving), from spans.jsonl." in done.out
    first, third = lines_of(here / "r.jsonl")[1:4:2]
    assert first["importance"]["captum"] == first["importance"]["leave_one_out"]
    assert first["signs"]["captum"] == first["signs"]["leave_one_out"]
    assert set(first["importance"]["halves"]) == {None}
    assert third["importance"]["halves"] == third["importance"]["leave_one_out"]
    files = report["manifest"]["files"]
    assert {by_words, by_spans} <= files.keys()
    told = {one["name"]: one for one in report["settings"]["attributions"]}
    assert told["captum"]["sha256"] == files[by_words]
    assert told["halves"]["method"] == "halving"


def test_records_alone_tell_all(ask, cli, here, by_spans):
    ask("correlate", *LOO, "--attributions", by_spans, "--records", "r.jsonl", "-o", "a.json", "-q")
    ask("erase", *LOO, "--attributions", by_spans, "--records", "e.jsonl", "--text", "-q")
    (here / by_spans).unlink()
    (here / "p.yaml").write_text(
        "gates: [{id: a, metric: correlate.halves.tau.mean, min: -1, max: 0.999},"
        " {id: b, metric: erase.comprehensiveness.halves, min: -0.99}]"
    )
    done = cli("report", "r.jsonl", "e.jsonl", "--policy", "p.yaml", "-o", "b.json", "-v")
    made, again = (json.loads((here / name).read_text()) for name in ("a.json", "b.json"))
    assert done.code == (1 if made["dataset"]["instances"] < 0 else 0)
    for name, metric in made["metrics"].items():
        assert again["metrics"][name] == metric
    assert {gate["status"] for gate in again["gates"]} <= {"pass", "inconclusive"}
    for figure in ("comprehensiveness", "sufficiency"):
        assert again["metrics"][f"erase.{figure}.halves"]["undefined"] == 2
    own, read = (again["metrics"][f"erase.sufficiency.{n}"] for n in ("leave_one_out", "halves"))
    assert own["value"] == pytest.approx(read["value"], abs=0.05)
    assert "The file has none for 2 of" in done.out


def test_heatmaps_and_figures_show_it(ask, cli, here, by_spans):
    ask("correlate", *LOO, "--attributions", by_spans, "--records", "r.jsonl", "--text", "-q")
    assert cli("report", "r.jsonl", "--show", "30", "-o", "r.html").code == 0
    page = (here / "r.html").read_text()
    assert "Agreement of attention with halves" in page
    assert '<p class="row">halves</p>' in page
    shown = cli("report", "r.jsonl", "--show", "30").out
    assert "\n    halves" in shown or "halves" in shown.partition("Heatmap")[2]


def test_workers_come_to_the_same(ask, here, by_spans):
    for name, workers in (("one", ()), ("two", ("--workers", "2"))):
        done = ask(
            *("correlate", *LOO, "--attributions", by_spans, "--batch-tokens", "200"),
            *("--records", f"{name}.jsonl", *workers),
        )
        assert done.code == 0, done.err
        assert done.err.count("it has scores for") == 1
    one, two = (lines_of(here / f"{name}.jsonl")[1:-1] for name in ("one", "two"))
    assert sorted(one, key=lambda r: r["row"]) == sorted(two, key=lambda r: r["row"])


def test_a_run_goes_on_with_the_same_file_only(ask, here, by_words):
    from tests.fuzz import program

    line = ("correlate", *LOO, "--attributions", by_words, "--batch-tokens", "200")
    for name in ("same", "other"):
        with program.at_step(2, program.press_ctrl_c):
            assert ask(*line, "--records", f"{name}.jsonl").code == 130
    assert "set aside" not in ask(*line, "--records", "same.jsonl", "--resume").err
    rows = lines_of(here / by_words)
    write(here / by_words, *rows[1:], rows[0])
    done = ask(*line, "--records", "other.jsonl", "--resume")
    assert "set aside" in done.err
    assert "its settings.attributions is" in done.err
    same, other = (lines_of(here / f"{name}.jsonl")[1:-1] for name in ("same", "other"))
    assert same == other  # the order of the file decides nothing


def test_an_audit_of_a_model_takes_it(cli, tiny, here, by_words):
    pair = (tiny / "model.pt", tiny / "data.yaml")
    line = ("audit", *pair, "--skip", "permute", "--skip", "adversary", "--limit", "8", "-o", "out")
    few = "correlate: {measure: [random]}\nerase: {measure: random}\n"
    (here / "attnaudit.yaml").write_text(few)
    first = cli(*line, "--attributions", by_words)
    assert first.code == 0, first.err
    assert "of its rows are of texts that are not audited" in first.err
    report = json.loads((here / "out" / "report.json").read_text())
    for name in ("correlate.captum.tau.mean", "erase.comprehensiveness.captum"):
        assert report["metrics"][name]["n"] == 8
    assert by_words in report["manifest"]["files"]
    names = [here / "out" / "records" / f"{name}.jsonl" for name in ("correlate", "erase")]
    made = [path.read_bytes() for path in names]
    named = few.replace("}", f", attributions: {by_words}}}")  # the same, said in another place
    (here / "attnaudit.yaml").write_text(named)
    assert cli(*line).code == 0
    assert [path.read_bytes() for path in names] == made
    (here / "attnaudit.yaml").unlink()
    skipped = ("--skip", "correlate", "--skip", "erase")
    done = cli("audit", *pair, *skipped, "--attributions", by_words, "-o", "none")
    assert done.code == 2
    assert "--attributions goes with correlate and erase, and neither is asked" in done.err


def test_the_working_folder_may_name_it_inside_only(cli, tiny, here, by_words):
    (here / "attnaudit.yaml").write_text(f"attributions: {by_words}\nmeasure: random\n")
    pair = (tiny / "model.pt", tiny / "data.yaml")
    done = cli("correlate", *pair, "--limit", "5", "--json")
    assert "correlate.captum.tau.mean" in json.loads(done.out)["metrics"]
    outside = here.parent / "outside.jsonl"
    (here / "attnaudit.yaml").write_text(f"correlate: {{attributions: [{outside}]}}\n")
    done = cli("correlate", *pair, "--limit", "5")
    assert done.code == 2
    assert "the path leads out of this folder" in done.err


def test_what_cannot_be_is_refused_before_any_work(refused, tiny, here, by_words, scores):
    pair = (tiny / "model.pt", tiny / "data.yaml")

    def refuse(*rows, says, more=(), name="x.jsonl"):
        write(here / name, *rows)
        refused("correlate", *pair, *LOO, "--attributions", name, *more, says=says)
        refused("erase", *pair, *LOO, "--attributions", name, "--dry-run", says=says)

    (first, values), *_ = scores.items()
    good = {"id": first, "scores": values}
    refuse(good, {"id": "nobody", "scores": []}, says=["x.jsonl:2: no text of the data set has"])
    refuse(good, good, says=["x.jsonl:2:", "has scores twice; first on line 1"])
    refuse({"id": first, "scores": values[1:]}, says=["x.jsonl:1:", f"has {len(values)} words"])
    refuse({"id": "other", "scores": []}, says=["x.jsonl:1: none of its 1 rows is of a text"])
    refuse(good, name="gradient.jsonl", says=["gradient.jsonl: 'gradient' cannot be a name"])
    twice = ("--attributions", by_words)
    refused(
        *("correlate", *pair, *LOO, *twice, *twice),
        says=["captum.jsonl and captum.jsonl both have the name 'captum'"],
    )
    refused("correlate", *pair, "--attributions", "none.jsonl", says=["none.jsonl: no such file"])
    refused("audit", *pair, "--attributions", "none.jsonl", says=["none.jsonl: no such file"])
    before = (here / by_words).read_bytes()
    refused("correlate", *pair, *LOO, *twice, "-o", by_words, says=[by_words])
    assert (here / by_words).read_bytes() == before
    assert "x.jsonl" in files_in(here)


def test_explain_says_what_the_file_holds(cli):
    told = cli("explain", "attributions").out
    assert '"spans": [[0, 4, 0.1]' in " ".join(told.split())
    assert "correlate" in cli("explain", "correlate.shap.tau.mean").out
    slip = cli("explain", "correlate.gradint.tau.mean")
    assert slip.code == 2
    assert "did you mean 'correlate.gradient.tau.mean'?" in slip.err


def blocks():
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_samples_are_python():
    assert len(blocks()) == 2
    for block in blocks():
        compile(block, "README.md", "exec")


def test_the_captum_sample_writes_a_file_that_fits(cli, here, write_pretrained):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("captum.attr")
    write_pretrained(here / "my-bert", head=2)
    texts = ("the film was good", "Bad, and the bad film!", "abcdef was xyz", "good and bad")
    rows = [{"id": f"t{n}", "text": t, "label": f"LABEL_{n % 2}"} for n, t in enumerate(texts)]
    write(here / "test.jsonl", *rows)
    script = next(block for block in blocks() if "captum" in block)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(script, "README.md", "exec"), {})
    done = cli(
        *("correlate", "my-bert", "test.jsonl", "--measure", "integrated_gradients"),
        *("--measure", "random", "--attributions", "captum.jsonl", "--records", "r.jsonl", "-v"),
    )
    assert done.code == 0, done.err
    assert "captum_ig: scores of another tool (captum " in done.out
    records = lines_of(here / "r.jsonl")[1:-1]
    assert len(records) == len(texts)
    for record in records:
        assert len(record["importance"]["captum_ig"]) == record["words"]
        assert max(record["importance"]["captum_ig"]) > 0
