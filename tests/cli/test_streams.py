"""Through the real entry point: streams that are full, closed, left, or of few characters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.records.schema import Header
from attnaudit.report.build import build_report
from attnaudit.report.schema import Gate, dumps
from attnaudit.report.warnings import with_warnings

ROOT = Path(__file__).parents[2]
RUN = f'{sys.executable} -c "import sys; del sys.path[0]; import attnaudit.cli.main as m; m.main()"'
MODULE = f"{sys.executable} -m attnaudit"
FULL = "error: standard output: cannot be written (No space left on device)\n"
CLOSED = "error: standard output: cannot be written (it is closed)\n"
# What a shell runs, in what environment; the exit code, where one gate has failed; and stderr.
CASES: dict[str, tuple[str, dict[str, str], int, str]] = {
    "full": (f"{RUN} report r.json > /dev/full", {}, 2, FULL),
    "closed": (f"{RUN} report r.json >&-", {}, 2, CLOSED),
    "closed, and nothing to say": (f"{RUN} report r.json -q >&-", {}, 1, ""),
    "error full": (f"{RUN} report nope.json 2> /dev/full", {}, 2, ""),
    "error closed": (f"{RUN} report nope.json 2>&-", {}, 2, ""),
    "left": (f"{RUN} report r.json -v | true; exit ${{PIPESTATUS[0]}}", {}, 1, ""),
    "ascii": (f"{RUN} report r.json --json", {"PYTHONIOENCODING": "ascii"}, 1, ""),
    "cp1252": (f"{RUN} report r.json", {"PYTHONIOENCODING": "cp1252"}, 1, ""),
    "module": (f"{MODULE} report r.json", {"LANG": "C", "TERM": "dumb", "COLUMNS": "0"}, 1, ""),
}
HOSTILE = (
    "::error::a",
    "\x1b[2J b",
    "##[error]c",
    "[bold]d[/]",
    "d \u202e\u200b\x9b",
    "e \u2192 \U0001f600",
)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_streams_change_neither_the_code_nor_what_is_said(header: Header, tmp_path: Path) -> None:
    rows: list[list[str | float | None]] = [[name, 0.5] for name in HOSTILE]
    summary = Summary(
        metrics={"model.accuracy": Estimate(0.8, 0.7, 0.9, n=9)},
        tables={"t": Table("##[error]x", [" \t::error::y", "value"], rows, ["::warning::z"])},
        notes=[" ".join(["word"] * 30 + [*HOSTILE])],
    )
    gate = Gate(id="bad", status="fail", metric="model.accuracy", on="value", reason="below")
    facts = {
        "model": header.model,
        "dataset": header.dataset,
        "settings": header.settings,
        "manifest": header.manifest,
    }
    report = build_report("correlate", summary, gates=[gate], **facts)
    (tmp_path / "r.json").write_text(dumps(report), encoding="utf-8")
    for name in ("torch", "numpy", "typer", "rich", "pydantic", "json", "random", "yaml"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the working folder')\n")
    usual = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR")}
    running = {
        name: subprocess.Popen(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**usual, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name, (command, environment, _, _) in CASES.items()
    }
    out: dict[str, bytes] = {}
    for name, process in running.items():
        out[name], err = process.communicate(timeout=120)
        assert (process.returncode, err.decode()) == CASES[name][2:], name
    assert json.loads(out["ascii"].decode("ascii")) == json.loads(dumps(with_warnings(report)))
    shown = out["module"].decode("utf-8")
    assert "0.800 [0.700, 0.900]" in shown or "accuracy 0.800" in shown
    narrow = out["cp1252"].decode("cp1252")
    assert [line.split() for line in narrow.splitlines() if "word" not in line and "─" not in line]
    for text in (shown, narrow):
        assert r"\x1b[2J b" in text
        assert r"\u202e\u200b\x9b" in text
        assert "[bold]d[/]" in text
        for line in text.splitlines():
            assert line.isprintable(), line
            assert not line.strip().startswith("::"), line
            assert "##[" not in line, line
    assert "e → 😀" in shown
    assert "e ? ?" in narrow
