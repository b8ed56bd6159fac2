"""`attnaudit.audit`: the same figures as the commands, and nothing left behind."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import torch

import attnaudit
from attnaudit.api.asked import asked_of
from attnaudit.cli.main import main
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.files import sha256_file
from attnaudit.execution.observer import Silent
from attnaudit.report.schema import loads
from tests.api.conftest import QUICK


def figures(report):
    """What two reports of the same work have in common, whoever made them."""
    return {name: metric.model_dump() for name, metric in report.metrics.items()}


def test_it_gives_what_the_command_gives(tiny, made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model, data = str(tiny / "model.pt"), str(tiny / "data.yaml")
    command = ["attnaudit", "correlate", model, data, "--measure", "gradient", "--json"]
    monkeypatch.setattr("sys.argv", [*command, "--measure", "random"])
    with pytest.raises(SystemExit):
        main()
    told = loads(capsys.readouterr().out, "stdout")
    ours = figures(made.report)
    assert len(told.metrics) > 10
    assert {name: ours[name] for name in told.metrics} == figures(told)
    for fact in ("model", "dataset"):
        assert getattr(made.report, fact) == getattr(told, fact)


def test_scores_of_other_tools_for_rows_in_memory(tiny, rows, tmp_path):
    path = tmp_path / "lengths.jsonl"
    scored = [{"id": n, "scores": [*map(len, text.split())]} for n, (text, _) in enumerate(rows, 1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in scored[:-1]))
    labels = [(text, {"no": "negative", "yes": "positive"}[label]) for text, label in rows]
    done = attnaudit.audit(
        tiny / "model.pt", labels, ["correlate"], settings=QUICK, attributions=[path]
    )
    found = done.report.metrics["correlate.lengths.top_overlap.mean"]
    assert found.n + found.undefined == len(rows)
    assert done.report.manifest.files[str(path)] == sha256_file(path)
    assert any("scores for 15 of 16 audited texts" in remark for remark in done.remarks)
    with pytest.raises(InputError, match="goes with correlate and erase"):
        attnaudit.audit(tiny / "model.pt", labels, ["permute"], attributions=[path])


def test_the_describing_questions_are_asked_by_default():
    asked = [question.name for question, _ in asked_of(None, {}, False, 0)]
    assert asked == ["correlate", "permute", "erase", "instance-adversary"]
    assert [q.name for q, _ in asked_of("adversary", {}, False, 0)] == ["instance-adversary"]
    both = asked_of(["adversary"], {"adversary": {"lambda": [0.01]}}, False, 0)
    assert [q.name for q, _ in both] == ["instance-adversary", "model-adversary"]


def test_settings_are_those_of_a_configuration():
    given = {"permute": {"permutations": 7, "seed": 3}, "correlate": {"measure": "gradient"}}
    settings = {q.name: found for q, found in asked_of(["permute", "correlate"], given, True, 5)}
    assert settings["permute"].permutations == 7
    assert (settings["permute"].seed, settings["correlate"].seed) == (3, 5)
    assert settings["correlate"].measures == ("gradient",)
    assert settings["correlate"].text


@pytest.mark.parametrize(
    ("names", "settings", "says"),
    [
        (["corelate"], {}, "no question 'corelate'; did you mean 'correlate'"),
        (None, {"permut": {}}, "no command 'permut'; did you mean 'permute'"),
        (None, {"permute": {"permutation": 3}}, "unknown key 'audit.permute.permutation'"),
        (None, {"permute": {"permutations": 0}}, "greater than or equal to 1"),
        (None, {"permute": 3}, "settings: permute is a int; give a mapping"),
        (["model-adversary"], {}, "no question for model-adversary"),
    ],
)
def test_mistakes_in_what_is_asked(names, settings, says):
    with pytest.raises(InputError) as refused:
        asked_of(names, settings, False, 0)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"unit": "letter"}, "unit is 'letter'"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"dtype": "int8"}, "dtype is 'int8'"),
        ({"limit": 0}, "limit should be a whole number from 1"),
        ({"workers": True}, "workers should be a whole number from 1"),
        ({"resume": True}, "resume needs the records"),
        ({"policy": "none.yaml"}, "none.yaml: no such file"),
        ({"split": "third"}, "third"),
        ({"model": 3}, "model is a int"),
        ({"model": "none.pt"}, "none.pt"),
        ({"data": "none.yaml"}, "none.yaml"),
        ({"data": 3}, "data in memory: is a int"),
    ],
)
def test_mistakes_are_one_clean_error(tiny, given, says):
    asked = {"model": tiny / "model.pt", "data": tiny / "data.yaml", "questions": ["permute"]}
    with pytest.raises((InputError, ModelError)) as refused:
        attnaudit.audit(**{**asked, **given})
    assert says in str(refused.value)


def test_rows_in_memory_are_read_as_rows_of_a_file(tiny, tmp_path):
    lines = (tiny / "test.jsonl").read_text().splitlines()[:8]
    rows = [json.loads(line) for line in lines]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(lines))
    asked = (["permute"],)
    there = attnaudit.audit(tiny / "model.pt", file, *asked, settings=QUICK)
    here = attnaudit.audit(tiny / "model.pt", rows, *asked, settings=QUICK)
    pairs = [(row["text"], row["label"]) for row in rows]
    short = attnaudit.audit(tiny / "model.pt", pairs, *asked, settings=QUICK)
    assert figures(there.report) == figures(here.report)
    assert short.metrics["model.accuracy"] == here.metrics["model.accuracy"]
    assert here.report.dataset.name == "data in memory"
    assert tempfile.gettempdir() not in here.render("json").replace(str(tiny), "")
    assert list(there.to_frame().index) == list(here.to_frame().index)


def test_gates_and_remarks_are_kept(tiny, tmp_path):
    policy = tmp_path / "p.yaml"
    policy.write_text("gates: [{id: high, metric: permute.tvd.mean, min: 0.9999}]")
    heard = []

    class Listener(Silent):
        def say(self, remark):
            heard.append(remark)

    asked = {"questions": ["permute"], "settings": QUICK, "policy": policy, "limit": 5}
    made = attnaudit.audit(tiny / "model.pt", tiny / "data.yaml", observer=Listener(), **asked)
    [gate] = made.gates
    assert gate.status in ("fail", "inconclusive")
    assert not made.passed()
    assert json.loads(made.render("in-toto"))["predicate"]["failedTests"]


def test_records_stay_where_they_are_asked_for(tiny, tmp_path):
    place = tmp_path / "r.jsonl"
    asked = {"settings": QUICK, "limit": 4, "records": place}
    attnaudit.audit(tiny / "model.pt", tiny / "data.yaml", ["correlate", "permute"], **asked)
    assert {path.name for path in tmp_path.iterdir()} == {"r.correlate.jsonl", "r.permute.jsonl"}
    assert '"tokens":' not in (tmp_path / "r.correlate.jsonl").read_text()


def test_nothing_is_left_behind(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    threads, drawn = torch.get_num_threads(), torch.random.get_rng_state()
    torch.set_num_threads(2)
    made = attnaudit.audit(
        tiny / "model.pt", [("a good film", "positive"), ("bad bad", "negative")], ["permute"]
    )
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert len(made.to_frame()) == 2
    del made
    assert not list(Path(tmp_path).iterdir())
    with pytest.raises(InputError):
        attnaudit.audit(tiny / "model.pt", [("a good film", "neither")], ["permute"])
    assert not list(Path(tmp_path).iterdir())


def test_a_baseline_may_be_of_several_commands(tiny, tmp_path):
    asked = {"questions": ["correlate", "permute"], "settings": QUICK, "limit": 6}
    before = tmp_path / "before.json"
    attnaudit.audit(tiny / "model.pt", tiny / "data.yaml", **asked).write(before)
    made = attnaudit.audit(tiny / "model.pt", tiny / "data.yaml", baseline=before, **asked)
    assert made.gates
    assert made.passed(strict=False)
    assert made.report.manifest.files[str(before)] == sha256_file(before)


def test_one_of_several_labels(write_pretrained, tmp_path):
    """Of a model in memory, on rows in memory: as of a folder and a file."""
    import transformers

    names = {0: "toxic", 1: "insult"}
    several = {"problem_type": "multi_label_classification", "id2label": names}
    folder = write_pretrained(tmp_path / "ml", head=2, **several)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = [("the good film", ["insult"]), ("the bad film was bad", []), ("bad and good", [])]
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    )
    asked = {"questions": ["permute"], "settings": QUICK, "label": "insult"}
    ours = attnaudit.audit((network, tokenizer), rows, **asked)
    theirs = attnaudit.audit(folder, tmp_path / "rows.jsonl", **asked)
    assert ours.report.model.label == theirs.report.model.label == "insult"
    assert ours.report.dataset.positive == 1
    assert figures(ours.report) == figures(theirs.report)
    with pytest.raises(InputError, match="several labels to a text: toxic, insult; choose"):
        attnaudit.audit((network, tokenizer), rows, ["permute"])
