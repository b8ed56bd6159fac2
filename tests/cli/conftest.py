from __future__ import annotations

import gc
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from attnaudit.cli.main import main
from attnaudit.questions.question import Question

QUICK = ("--measure", "random", "--measure", "gradient")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def files_in(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def undrawn():
    """Pages without their figures, which take most of a page's time: for tests of other things."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Question, "draws", False)
        yield


@pytest.fixture
def cli(here, monkeypatch, capsys):
    """Run the program in this process, in an empty folder."""

    def run(*args) -> Result:
        monkeypatch.setattr(sys, "argv", ["attnaudit", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        gc.unfreeze()  # this process goes on, unlike the program's
        out, err = capsys.readouterr()
        return Result(stop.value.code or 0, out, err)

    return run


@pytest.fixture
def refused(cli, here):
    """Run it on a mistake: exit 2, one clean line that says each of `needles`, nothing left."""

    def run(*args, says=()) -> str:
        before = files_in(here)
        result = cli(*args)
        assert result.code == 2, result
        assert result.out == ""
        assert result.err.startswith("error: ")
        assert result.err.count("\n") == 1
        assert "Traceback" not in result.err
        assert "internal error" not in result.err
        assert result.err.rstrip("\n").isprintable()
        for needle in says:
            assert needle in result.err
        assert files_in(here) == before
        return result.err

    return run


@pytest.fixture
def correlate(cli, tiny):
    """`attnaudit correlate` with two quick measures, on the tiny model."""

    def run(*args, model=None, data=None) -> Result:
        return cli(
            "correlate", model or tiny / "model.pt", data or tiny / "data.yaml", *QUICK, *args
        )

    return run


@pytest.fixture
def rows(here):
    """Write rows as JSON lines, and give the file's name."""

    def write(*rows, name="rows.jsonl"):
        text = "".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in rows)
        (here / name).write_text(text, encoding="utf-8")
        return name

    return write
