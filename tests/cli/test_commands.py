"""The commands as a user meets them: what they print, write and exit with."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
import torch

import attnaudit
from attnaudit.cli import progress
from attnaudit.cli.samples import find_config, sample_folder
from attnaudit.errors import InputError
from attnaudit.execution.collector import COLLECTOR
from attnaudit.report.schema import json_schema

COMMANDS = (
    (),
    ("train",),
    ("correlate",),
    ("permute",),
    ("erase",),
    ("adversary",),
    ("seed-baseline",),
    ("probe",),
    ("report",),
    ("data",),
    ("data", "check"),
    ("data", "generate"),
)
ROOT = Path(attnaudit.__file__).parent.parent


def module(*args, **kwargs):
    """The program as a process of its own."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "attnaudit", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        **kwargs,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(cli, command):
    result = cli(*command, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: {' '.join(('attnaudit', *command))} ")
    assert "\x1b" not in result.out


@pytest.mark.parametrize("command", [(), ("data",)], ids=["attnaudit", "data"])
def test_a_command_alone_shows_its_help_and_is_a_mistake(cli, command):
    result = cli(*command)
    assert (result.code, result.out) == (2, "")
    assert result.err == cli(*command, "--help").out


def test_version_names_what_computes(cli):
    result = cli("--version")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0] == f"attnaudit {attnaudit.__version__}"
    assert f"torch {torch.__version__.partition('+')[0]}" in result.out
    assert [line.split()[0] for line in lines[1:]] == ["torch", "numpy", "scipy", "tokenizers"]


def test_help_imports_nothing_heavy():
    """In one fresh process: help of every command, a usage error, and the version."""
    heavy = ("torch", "numpy", "scipy", "transformers", "tokenizers")
    code = f"""
import sys
from attnaudit.cli.main import main
for command in {[[*c, "--help"] for c in COMMANDS]!r} + [["nonsense"], ["--version"]]:
    sys.argv = ["attnaudit", *command]
    try:
        main()
    except SystemExit:
        pass
print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_from_training_to_a_report_and_back(cli, here, tiny_yaml):
    """The whole way, files and all."""
    (here / "small.yaml").write_text(tiny_yaml)
    trained = cli("train", "small.yaml")
    assert trained.code == 0
    assert "attnaudit correlate small/model.pt small/data.yaml" in trained.err
    assert "auroc" in trained.out
    kept = {p.name for p in (here / "small").iterdir()}
    splits = {"train.jsonl", "dev.jsonl", "test.jsonl"}
    assert kept == {"model.pt", "train.json", "data.yaml", *splits}
    report = json.loads((here / "small" / "train.json").read_text())
    assert report["audit"] == "train"
    assert report["metrics"]["train.test.auroc"]["n"] == 30

    model, data = "small/model.pt", "small/data.yaml"
    audited = cli("correlate", model, data, "--records", "r.jsonl", "-o", "r.json")
    assert (audited.code, audited.err) == (0, "")
    assert "Attention against importance" in audited.out
    again = cli("report", "r.jsonl")
    assert again.out == audited.out
    assert cli("report", "r.json").out == audited.out
    stored = (here / "r.json").read_text()
    assert cli("report", "r.jsonl", "--json").out == stored
    content = json.loads(stored)
    jsonschema.validate(content, json_schema())
    assert content["manifest"]["command_line"][:2] == ["attnaudit", "correlate"]
    assert cli("report", "r.jsonl", "-v").out != again.out
    assert {p.name for p in here.iterdir()} == {"small", "small.yaml", "r.jsonl", "r.json"}


def test_training_can_be_directed_from_the_command_line(cli, here, tiny, tiny_yaml):
    (here / "small.yaml").write_text(tiny_yaml)
    args = ("--data", tiny / "data.yaml", "--seed", 3, "-o", "elsewhere", "--json")
    result = cli("train", "small.yaml", *args)
    assert result.code == 0
    report = json.loads(result.out)
    assert report["manifest"]["seeds"] == [3]
    assert {p.name for p in (here / "elsewhere").iterdir()} == {"model.pt", "train.json"}


def test_every_option_has_its_effect(correlate):
    options = {
        "--target": "gold",
        "--unit": "piece",
        "--dtype": "float64",
        "--threads": 2,
        "--top": 0.5,
        "--seed": 9,
        "--batch-tokens": 128,
        "--split": "dev",
        "--limit": 5,
        "--device": "cpu",
    }
    try:
        result = correlate("--json", *(x for pair in options.items() for x in pair))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    report = json.loads(result.out)
    settings, manifest = report["settings"], report["manifest"]
    assert (settings["target"], settings["top"], settings["seed"]) == ("gold", 0.5, 9)
    assert settings["measures"] == ["gradient", "random"]
    assert (manifest["dtype"], manifest["threads"], manifest["seeds"]) == ("float64", 2, [9])
    assert (manifest["device"], manifest["settings"]["batch_tokens"]) == ("cpu", 128)
    dataset = report["dataset"]
    assert (dataset["split"], dataset["instances"], dataset["unit"]) == ("dev", 5, "piece")
    assert report["metrics"]["correlate.random.top_overlap.chance"]["value"] >= 0.5


def test_json_stands_alone_on_stdout(correlate):
    result = correlate("--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["dataset"]["instances"] == 30
    assert set(json.loads(result.out)["metrics"]) >= {"correlate.random.tau.mean", "model.f1"}


def test_output_goes_to_a_file_or_to_stdout(correlate, here):
    shown = correlate("-o", "report.json", "--limit", 4)
    assert "Attention against importance" in shown.out
    assert "the other rows were not audited" in shown.out
    stored = json.loads((here / "report.json").read_text())
    assert stored["dataset"]["partial"] is True
    dashed = correlate("-o", "-", "--limit", 4)
    assert json.loads(dashed.out)["metrics"] == stored["metrics"]
    assert not (here / "-").exists()


def test_quiet_says_nothing(correlate):
    result = correlate("--quiet", "--limit", 4)
    assert (result.code, result.out, result.err) == (0, "", "")


def test_model_and_data_may_be_options(cli, tiny):
    model, data = tiny / "model.pt", tiny / "data.yaml"
    flags = ("--measure", "random", "--json", "--limit", 4)
    positional = json.loads(cli("correlate", model, data, *flags).out)
    named = json.loads(cli("correlate", "--data", data, "--model", model, *flags).out)
    mixed = json.loads(cli("correlate", model, "--data", data, *flags).out)
    assert positional["metrics"] == named["metrics"] == mixed["metrics"]


def test_one_positional_is_the_model(refused, tiny):
    refused("correlate", tiny / "model.pt", says=["missing DATA", "attnaudit.yaml"])
    refused("correlate", says=["missing MODEL"])
    twice = ("correlate", tiny / "model.pt", tiny / "data.yaml", "--model", "other.pt")
    refused(*twice, says=["MODEL is given twice"])


def policy(name, bound, metric="model.accuracy"):
    return f"gates:\n  - {{id: {name}, metric: {metric}, min: {bound}}}\n"


def test_exit_codes_of_gates(correlate, cli, here):
    (here / "pass.yaml").write_text(policy("passes", 0.01))
    (here / "fail.yaml").write_text(policy("fails", 1.0))
    missing = policy("unmeasured", 0.1, "correlate.leave_one_out.tau.mean")
    (here / "open.yaml").write_text(missing)
    # The test split has 30 texts, and scores need 50: all gates on it are inconclusive.
    whole = ("--split", "train")
    passed = correlate("--policy", "pass.yaml", "--records", "r.jsonl", *whole)
    assert (passed.code, "PASS" in passed.out) == (0, True)
    assert "Gates: 1 passed, 0 failed, 0 inconclusive" in passed.out
    failed = correlate("--policy", "fail.yaml", "-o", "failed.json", *whole)
    assert (failed.code, "FAIL" in failed.out) == (1, True)
    for args, code in (
        (("r.jsonl", "--policy", "pass.yaml"), 0),
        (("r.jsonl", "--policy", "pass.yaml", "--strict"), 0),
        (("r.jsonl", "--policy", "fail.yaml"), 1),
        (("r.jsonl", "--policy", "fail.yaml", "--json"), 1),
        (("r.jsonl", "--policy", "fail.yaml", "--quiet"), 1),
        (("r.jsonl", "--policy", "fail.yaml", "-o", "again.json"), 1),
        (("r.jsonl", "--policy", "open.yaml"), 0),
        (("r.jsonl", "--policy", "open.yaml", "--strict"), 1),
        (("r.jsonl",), 0),
        (("failed.json",), 1),  # a report keeps the gates it came with
        (("failed.json", "--policy", "pass.yaml"), 0),
    ):
        result = cli("report", *args)
        assert (result.code, result.err) == (code, ""), args
    inconclusive = correlate("--policy", "pass.yaml")
    assert (inconclusive.code, "INCONCLUSIVE" in inconclusive.out) == (0, True)
    assert correlate("--policy", "pass.yaml", "--strict").code == 1


def test_sample_policy_is_usable(correlate):
    args = ("--policy", sample_folder() / "policy.yaml", "--strict", "--measure", "leave_one_out")
    assert correlate(*args).code == 1


def test_text_is_kept_only_when_asked_for(correlate, here, tiny):
    first = json.loads((tiny / "test.jsonl").read_text().splitlines()[0])
    correlate("--records", "without.jsonl", "-o", "without.json", "--limit", 3)
    correlate("--records", "with.jsonl", "--text", "--limit", 3)
    kept = [json.loads(line) for line in (here / "with.jsonl").read_text().splitlines()]
    assert kept[1]["tokens"] == first["text"].split()
    words = {word for line in kept[1:4] for word in line["tokens"]}
    for name in ("without.jsonl", "without.json"):
        text = (here / name).read_text()
        assert '"tokens"' not in text
        assert not [word for word in words if f'"{word}"' in text]


def test_plain_output_without_a_terminal(correlate, monkeypatch, here):
    plain = correlate("--limit", 4).out
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 100
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    (here / "p.yaml").write_text("gates: [{id: a, metric: model.accuracy, min: 0.01}]")
    gated = ("--limit", 4, "--policy", "p.yaml")
    assert re.search(r"\x1b\[[\d;]*3[0-7]", correlate(*gated).out)  # the word of a verdict
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[\d;]*3[0-7]", correlate(*gated).out)


def test_data_is_made_and_checked(cli, here):
    made = cli("data", "generate", "corpus", "--train", 20, "--dev", 4, "--test", 6, "--seed", 1)
    assert (made.code, made.out) == (0, f"{Path('corpus') / 'data.yaml'}\n")
    assert len((here / "corpus" / "train.jsonl").read_text().splitlines()) == 20
    checked = cli("data", "check", "corpus/data.yaml")
    assert (checked.code, checked.err) == (0, "")
    assert re.search(r"^rows +20 +4 +6$", checked.out, re.MULTILINE)
    bare = cli("data", "check", "corpus/test.jsonl")
    assert re.search(r"^usable rows +6$", bare.out, re.MULTILINE)


def test_schema_is_printed(cli):
    assert json.loads(cli("report", "--schema").out) == json_schema()


def test_samples_are_found_by_name_beside_a_folder_of_that_name(here):
    (here / "quickstart").mkdir()
    (here / "own.yaml").write_text("model: {}\n")
    assert find_config("quickstart") == sample_folder() / "quickstart.yaml"
    assert find_config("own.yaml") == Path("own.yaml")
    assert find_config("missing.yaml") == Path("missing.yaml")  # whose reader says so
    (here / "quickstart.d").mkdir()
    with pytest.raises(InputError, match="did you mean 'quickstart'"):
        find_config("quikstart")
    for sample in sample_folder().glob("*.yaml"):
        assert find_config(sample.stem) == sample


class Pressing(progress.Silent):
    """Ctrl-C after so many steps."""

    left = 0

    def advance(self, steps=1, info=""):
        Pressing.left -= 1
        if Pressing.left == 0:
            raise KeyboardInterrupt
        super().advance(steps, info)


@pytest.fixture
def ctrl_c(monkeypatch):
    def after(steps):
        monkeypatch.setattr(progress, "Silent", Pressing)
        Pressing.left = steps

    return after


def test_ctrl_c_during_correlate(correlate, here, ctrl_c):
    budget = ("--batch-tokens", 150)
    whole = correlate("--json", "--records", "whole.jsonl", *budget)
    ctrl_c(2)
    stopped = correlate("--records", "part.jsonl", *budget)
    assert (stopped.code, stopped.out, stopped.err) == (130, "", "interrupted\n")
    assert {p.name for p in here.iterdir()} == {"whole.jsonl", "part.jsonl.partial"}
    resumed = correlate("--json", "--records", "part.jsonl", "--resume", *budget)
    assert resumed.code == 0
    assert json.loads(resumed.out)["metrics"] == json.loads(whole.out)["metrics"]
    assert {p.name for p in here.iterdir()} == {"whole.jsonl", "part.jsonl"}


def test_ctrl_c_during_training(cli, here, tiny_yaml, ctrl_c):
    (here / "small.yaml").write_text(tiny_yaml.replace("epochs: 1", "epochs: 3"))
    whole = cli("train", "small.yaml", "-o", "whole", "--json")
    ctrl_c(6)  # of two steps and a remark an epoch
    stopped = cli("train", "small.yaml", "-o", "part", "--json")
    assert (stopped.code, stopped.out, stopped.err) == (130, "", "interrupted\n")
    left = {p.name for p in (here / "part").iterdir()}
    assert "training.state" in left
    assert "model.pt" not in left
    resumed = cli("train", "small.yaml", "-o", "part", "--json", "--resume")
    assert resumed.code == 0
    assert json.loads(resumed.out)["metrics"] == json.loads(whole.out)["metrics"]
    assert "training.state" not in {p.name for p in (here / "part").iterdir()}


def test_a_real_ctrl_c(here, tiny_yaml):
    (here / "long.yaml").write_text(tiny_yaml.replace("epochs: 1", "epochs: 100000"))
    process = module("train", "long.yaml", cwd=here)
    state = here / "long" / "training.state"
    try:
        for _ in range(600):
            if state.exists():
                break
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert not list(here.rglob("*.tmp"))


def test_ctrl_c_is_told_whatever_it_turns_into(correlate, monkeypatch):
    """torch raises an error of its own where it is interrupted while it writes a file."""

    def written(*_):
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr("attnaudit.running.run.ask_questions", written)
    result = correlate()
    assert (result.code, result.err) == (130, "interrupted\n")


def test_a_reader_who_goes_away_changes_no_exit_code(correlate, here):
    (here / "fail.yaml").write_text(policy("fails", 1.0))
    correlate("--records", "r.jsonl", "--split", "train")
    for args, code in ((("report", "r.jsonl", "--policy", "fail.yaml"), 1), (("--help",), 0)):
        process = module(*args, cwd=here)
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (code, "")
        process.stderr.close()


def test_internal_errors_are_one_line_too(correlate, monkeypatch):
    def broken(*_):
        raise RuntimeError("first line\nsecond \x1b[31mline")

    monkeypatch.setattr("attnaudit.running.run.ask_questions", broken)
    result = correlate()
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "error: internal error: RuntimeError: first line second \\x1b[31mline;"
        " run again with -v and report it\n"
    )
    verbose = correlate("-v")
    assert verbose.code == 2
    assert verbose.err.startswith("Traceback")


def test_showing_a_report_again_needs_no_torch(correlate, here):
    correlate("-o", "r.json", "--measure", "random")
    code = f"""
import sys
from attnaudit.cli.main import main
sys.argv = ["attnaudit", "report", {str(here / "r.json")!r}, "-q"]
try:
    main()
except SystemExit as stop:
    print(stop.code, "torch" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split() == ["0", "False"], result.stderr


def test_python_searches_for_circles_once_work_begins(cli, correlate, here, tiny_yaml, monkeypatch):
    searched: list[tuple[bool, bool]] = []
    begin = COLLECTOR.begin

    def noting() -> None:
        before = gc.isenabled()
        begin()
        searched.append((before, gc.isenabled()))

    monkeypatch.setattr(COLLECTOR, "begin", noting)
    (here / "small.yaml").write_text(tiny_yaml)
    for done in (
        lambda: cli("train", "small.yaml"),
        lambda: correlate("-o", "r.json"),
        lambda: cli("report", "r.json", "-q"),
    ):
        searched.clear()
        assert done().code == 0
        assert searched[0] == (False, True)
        assert gc.isenabled()
    assert cli("correlate", "nowhere.pt", "nowhere.yaml").code == 2
    assert gc.isenabled()
