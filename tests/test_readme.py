"""The README says what the program does: help, metrics, policy and plug-in are taken from it.

`python tests/test_readme.py` writes the generated blocks anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from attnaudit.report.registry import markdown

README = Path(__file__).parent.parent / "README.md"
FENCED = re.compile(r"<!-- (?P<mark>[\w -]+) -->\n```\w*\n(?P<body>.*?)```", re.DOTALL)
METRICS = re.compile(r"(?<=<!-- metrics -->\n).*?(?=\n## )", re.DOTALL)


def blocks() -> dict[str, str]:
    return {m["mark"]: m["body"] for m in FENCED.finditer(README.read_text(encoding="utf-8"))}


HELPS = [mark for mark in blocks() if mark.split()[0] == "help"]


def help_text(mark: str) -> str:
    command = [*mark.split()[1:], "--help"]
    plain = {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}
    result = subprocess.run(
        [sys.executable, "-m", "attnaudit", *command],
        env={**os.environ, **plain},
        capture_output=True,
        text=True,
        check=True,
    )
    return f"$ {' '.join(['attnaudit', *command])}\n{result.stdout.strip()}\n"


@pytest.mark.parametrize("mark", HELPS)
def test_help_is_what_the_program_prints(mark: str) -> None:
    assert blocks()[mark] == help_text(mark), "run python tests/test_readme.py"


def test_every_command_has_its_help() -> None:
    shown = help_text("help")
    commands = re.findall(r"^  (\w[\w-]*)  ", shown.partition("Commands:")[2], re.MULTILINE)
    assert commands
    assert {c.split()[0] for c in commands} <= {m.split()[1] for m in HELPS if " " in m}


def test_metrics_are_the_registry() -> None:
    found = METRICS.search(README.read_text(encoding="utf-8"))
    assert found
    assert found[0].strip() == markdown().strip(), "run python tests/test_readme.py"


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


def update() -> None:
    text = README.read_text(encoding="utf-8")
    for mark in HELPS:
        block = f"<!-- {mark} -->\n```\n"
        start = text.index(block) + len(block)
        text = text[:start] + help_text(mark) + text[text.index("```", start) :]
    text = METRICS.sub(lambda _: f"\n{markdown()}", text)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    update()
