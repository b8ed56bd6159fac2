from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.errors import printable
from attnaudit.report.github import _data, _property, workflow_commands
from attnaudit.report.schema import Gate, Report

COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:]*)::(?P<data>.*)")


def read(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What GitHub's runner makes of the lines that are commands."""
    found = []
    for line in text.splitlines():
        if match := COMMAND.fullmatch(line):
            listed = (entry.partition("=") for entry in match["properties"].split(","))
            properties = {key: unescaped(value) for key, _, value in listed}
            found.append((match["level"], properties, unescaped(match["data"])))
    return found


def unescaped(text: str) -> str:
    for code, sign in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def test_warnings_on_the_whole_stand_first(report: Report, verdicts: list[Gate]) -> None:
    """Those on gates are left out: each gate has a mark of its own."""
    cut = report.dataset.model_copy(update={"truncated": 3})
    judged = report.model_copy(update={"gates": verdicts, "dataset": cut})
    level, properties, message = read(workflow_commands(judged, strict=False))[0]
    assert (level, properties) == ("warning", {"title": "attnaudit texts cut"})
    assert message.startswith("3 of 1,725 texts were cut at the length limit.")
    commands = read(workflow_commands(judged, strict=False))
    assert sum(p["title"].startswith("attnaudit") for _, p, _ in commands) == 1


@pytest.fixture
def report(report: Report) -> Report:
    """Without a warning on the whole."""
    whole = report.dataset.model_copy(update={"truncated": 0})
    return report.model_copy(update={"dataset": whole})


def test_each_status_has_its_level(report: Report, verdicts: list[Gate]) -> None:
    judged = report.model_copy(update={"gates": verdicts})
    commands = read(workflow_commands(judged, strict=False))
    assert [(level, p["title"]) for level, p, _ in commands] == [
        ("error", "bad: fail"),
        ("error", "old: fail"),
        ("error", "baseline:model.f1: fail"),
        ("warning", "open: inconclusive"),
        ("notice", "known: waived"),
    ]
    first = commands[0]
    assert (first[1]["file"], first[1]["line"]) == ("policy.yaml", "7")
    assert first[2] == "model.f1 ci_low 0.7, below 0.8\nbecause as agreed"
    assert "file" not in commands[2][1]
    strict = read(workflow_commands(judged, strict=True))
    assert [p["title"] for level, p, _ in strict if level == "error"] == [
        "bad: fail",
        "open: inconclusive",
        "old: fail",
        "baseline:model.f1: fail",
    ]


def test_an_expired_waiver_of_a_passing_gate_is_a_warning(
    report: Report, verdicts: list[Gate]
) -> None:
    passing = verdicts[4].model_copy(update={"status": "pass"})
    text = workflow_commands(report.model_copy(update={"gates": [passing]}), strict=False)
    [(level, _, message)] = read(text)
    assert level == "warning"
    assert "expired on 2026-01-31" in message


def test_passing_gates_leave_the_count_alone(report: Report, verdicts: list[Gate]) -> None:
    text = workflow_commands(report.model_copy(update={"gates": verdicts[:1]}), strict=True)
    assert text == "Gates: 1 passed, 0 failed, 0 inconclusive\n"


def test_characters_are_escaped_as_documented() -> None:
    assert _data("50 %\r\n a:b,c") == "50 %25%0D%0A a:b,c"
    assert _property("50 %, a:b") == "50 %25%2C a%3Ab"
    assert _data("%0A") == "%250A"
    assert _property("a\nb\x1b[0m") == "a\\nb\\x1b[0m"


@given(st.text())
def test_escapes_come_back(text: str) -> None:
    assert unescaped(_data(text)) == text
    assert not set("\r\n") & set(_data(text))


def test_nothing_hostile_starts_a_command(evil_report: Report, evil: str) -> None:
    for strict in (False, True):
        text = workflow_commands(evil_report, strict)
        lines = text.splitlines()
        assert all(c.isprintable() for line in lines for c in line)
        assert len(lines) == 5  # four gates, each with something to say, and the count
        assert all(COMMAND.fullmatch(line) for line in lines[:4])
        assert lines[4] == "Gates: 1 passed, 1 failed, 1 inconclusive, 1 waived"
        for _, properties, _ in read(text):
            assert list(properties) == ["file", "line", "title"]
            assert (properties["file"], properties["line"]) == (printable(evil), "3")
