"""What the README says is so: its names are the program's, its policy and its plug-in work."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from attnaudit.cli.main import app
from attnaudit.data.settings import Fields
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.split_names import OTHER_NAMES
from attnaudit.errors import InputError
from attnaudit.explanations.collect import find
from attnaudit.report.formats import FORMATS

README = Path(__file__).parent.parent / "README.md"
LINES = 400
FENCED = re.compile(r"<!-- (?P<mark>[\w -]+) -->\n```\w*\n(?P<body>.*?)```", re.DOTALL)
# What is in backticks and no name of this program: other programs', and files of the reader's.
FOREIGN = {
    *('pytest -m "not slow"', "attnaudit.yaml", "my_module.py", "factory(spec, seed)"),
    *('pip install "attnaudit[cluster]"', 'pip install "attnaudit[excel]"'),
    *('"attnaudit[parquet]"', "save_to_disk"),
    *("token_logits", "boundaries = True", "--verify all", "read_records"),
    *("package.module:factory", "encode", "fresh(seed)", "LABEL_0", "LABEL_1", ".gz"),
    *(".jsonl", ".csv", ".tsv", ".xlsx", ".parquet", "quickstart/report.html", "r.jsonl.partial"),
    *("r.jsonl.partial.old1", "r.instance-adversary.jsonl", "r.model-adversary.jsonl"),
}
# Keys of configurations, with what they may say.
KEYS = {"audit:", "labels:", "file: all.csv", "overlong: skip"}


def blocks() -> dict[str, str]:
    return {m["mark"]: m["body"] for m in FENCED.finditer(README.read_text(encoding="utf-8"))}


def commands() -> dict[str, set[str]]:
    """Every command of the program, with its options."""
    found: dict[str, set[str]] = {}

    def walk(command: object, name: str) -> None:
        options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
        found[name] = {*options, "--help"}
        for sub, its in getattr(command, "commands", {}).items():
            walk(its, f"{name} {sub}".strip())

    walk(typer.main.get_command(app), "")
    return found


COMMANDS = commands()


def prose() -> str:
    """The README without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", README.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)


def calls() -> Iterator[str]:
    """Everything that the README calls the program with."""
    text = README.read_text(encoding="utf-8").replace("\\\n", " ")
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from re.findall(r"(?:^|&& )attnaudit( [^#&\n]*)", block, re.MULTILINE)
    yield from re.findall(r"^\$ attnaudit( .*)", text, re.MULTILINE)
    yield from re.findall(r"`attnaudit( [^`]*)`", prose())


def test_it_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LINES


@pytest.mark.parametrize("call", sorted(set(calls())))
def test_commands_and_their_options_exist(call: str) -> None:
    words = [word for word in call.split() if not word.startswith("-")]
    options = re.findall(r"(?<= )--?[a-z][a-z-]*", call)
    if words == ["COMMAND"]:
        assert options == ["--help"]
        return
    command = next((c for c in (" ".join(words[:2]), *words[:1], "") if c in COMMANDS), "")
    assert command or not words, f"there is no command {words[0]}"
    assert {*options} <= COMMANDS[command]


def test_quoted_names_exist() -> None:
    """What stands in backticks: a command, an option, a name that explain knows, or a file."""
    options = {option for those in COMMANDS.values() for option in those}
    names = {*COMMANDS, *DatasetSpec.model_fields, *Fields.model_fields, *KEYS, *FOREIGN}
    names |= OTHER_NAMES.keys()
    names |= {sample.stem for sample in (README.parent / "sample_configs").glob("*.y*ml")}
    formats = {form.name for form in FORMATS}
    unknown = []
    for quoted in re.findall(r"`([^`]+)`", prose()):
        first = quoted.split()[0]
        if quoted in names | formats or first == "attnaudit" or (README.parent / quoted).exists():
            continue
        if first in COMMANDS or first.startswith("-"):
            said = re.findall(r"(?<!\S)--?[a-z][a-z-]*", quoted)
            assert {*said} <= COMMANDS.get(first, options), quoted
        else:
            try:
                find(quoted)
            except InputError:
                unknown.append(quoted)
    assert not unknown


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", prose()):
        assert (README.parent / link).exists(), link


def test_policy_is_valid(tmp_path: Path) -> None:
    from attnaudit.report.policy import load_policy

    file = tmp_path / "policy.yaml"
    file.write_text(blocks()["policy"], encoding="utf-8")
    assert [rule.id for rule, _ in load_policy(file).rules] == [
        "agrees-with-gradients",
        "attention-is-needed",
    ]


def test_sample_policy_is_valid() -> None:
    from attnaudit.report.policy import load_policy

    assert load_policy(README.parent / "sample_configs" / "policy.yaml").rules


def test_plug_in_can_be_audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from attnaudit.data.synthetic import write_reviews
    from attnaudit.execution.observer import Silent
    from attnaudit.questions.correlate import QUESTION
    from attnaudit.questions.correlate.settings import CorrelateSettings
    from attnaudit.running.job import Job
    from attnaudit.running.run import run_questions

    (tmp_path / "readme_plug_in.py").write_text(blocks()["plug-in"], encoding="utf-8")
    data = write_reviews(tmp_path, train=40, dev=8, test=40)
    monkeypatch.chdir(tmp_path)
    job = Job(model="readme_plug_in:factory", data=data)
    report = run_questions([(QUESTION, CorrelateSettings())], job, None, Silent())
    assert report.metrics["correlate.leave_one_out.tau.mean"].n == 40


@pytest.mark.parametrize("linear", [True, False])
def test_plug_in_gets_what_it_is_promised(tmp_path, monkeypatch, linear) -> None:
    """With its words it knows all of them; with token_logits every optimum is exact."""
    from attnaudit.data.synthetic import write_reviews
    from attnaudit.execution.observer import Silent
    from attnaudit.questions.instance_adversary import QUESTION
    from attnaudit.questions.instance_adversary.settings import InstanceSettings
    from attnaudit.running.job import Job
    from attnaudit.running.run import run_questions

    source = blocks()["plug-in"]
    if not linear:
        source = source.replace("def token_logits", "def other_logits")
    data = write_reviews(tmp_path, train=40, dev=8, test=40)
    test = (tmp_path / "test.jsonl").read_text(encoding="utf-8")
    texts = [json.loads(line)["text"].split() for line in test.splitlines()]
    words = sorted({word for text in texts for word in text})
    ids = {word: number for number, word in enumerate(words, start=2)}
    told = '# self.vocabulary = WordIds({"good": 2, "film": 3}, pad=0, unknown=1)'
    assert told in source
    source = source.replace(told, f"self.vocabulary = WordIds({ids}, pad=0, unknown=1)")
    source = source.replace("Embedding(len(spec.vocabulary)", f"Embedding({len(ids) + 2}")
    source = "from attnaudit.data.vocabulary import WordIds\n" + source
    (tmp_path / "readme_plug_in.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    job = Job(model="readme_plug_in:factory", data=data, records=tmp_path / "r.jsonl")
    sys.modules.pop("readme_plug_in", None)
    report = run_questions([(QUESTION, InstanceSettings())], job, None, Silent())
    sys.modules.pop("readme_plug_in", None)
    assert report.dataset.unknown is not None
    assert report.dataset.unknown.occurrences == 0
    records = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    bounds = [r["adversary"][0]["bound"] for r in records if "adversary" in r]
    assert len(bounds) == 40
    exact = bounds.count("exact") / 40
    assert exact == 1 if linear else exact < 1
