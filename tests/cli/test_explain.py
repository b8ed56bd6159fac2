from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from attnaudit.explanations.collect import all_entries

ROOT = Path(__file__).parent.parent.parent


def test_one_name(cli):
    result = cli("explain", "tau")
    assert result.code == 0
    assert result.err == ""
    assert "Kendall" in result.out
    for title in ("formula", "range", "compare with", "beware", "from"):
        assert title in result.out
    assert "\x1b" not in result.out


def test_all_that_bear_a_name(cli):
    out = cli("explain", "seeds").out
    for owner in ("seed-baseline", "model-adversary", "probe"):
        assert f"seeds  setting of {owner}" in out


def test_the_list(cli):
    out = cli("explain").out
    for heading in ("questions", "findings", "metrics", "importances", "settings", "terms"):
        assert f"{heading}  " in out
    words = out.split()
    for entry in all_entries():
        assert all(word in words for word in entry.name.split())


def test_json(cli):
    result = cli("explain", "adversary.model[lambda=0.001].jsd.mean", "--json")
    (entry,) = json.loads(result.out)["entries"]
    assert entry["kind"] == "metric"
    assert entry["name"] == "adversary.model[lambda=0.001].jsd.mean"
    assert entry["unit"] == "nats"
    everything = json.loads(cli("explain", "--json").out)["entries"]
    assert len(everything) == len(all_entries())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("condicity", "did you mean 'conicity'?"),
        ("adversary.model[lambda=1e-3].f1", "lambda=0.001"),
        ("zzzzzz", "attnaudit explain"),
    ],
)
def test_unknown_names_are_refused(refused, name, says):
    refused("explain", name, says=(name, says))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("asked", [(), ("tau",), ("seed",), ("correlate.{a~b}.tau.mean",)])
def test_lines_fit_the_terminal(cli, monkeypatch, width, asked):
    monkeypatch.setenv("COLUMNS", str(width))
    out = cli("explain", *asked).out
    assert max(map(len, out.splitlines())) > width / 2
    for line in out.splitlines():
        assert len(line) <= width
        assert line == line.rstrip()


def test_markup_in_names_is_shown_as_it_is(cli):
    assert cli("explain", "[CLS]").out.startswith("[CLS]  term")


def test_it_starts_without_the_heavy_packages():
    code = """
import sys
from attnaudit.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code
heavy = ("torch", "numpy", "scipy", "transformers", "tokenizers", "matplotlib")
print([m for m in heavy if m in sys.modules], file=sys.stderr)
"""
    for asked in ([], ["tau"], ["tau", "--json"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "explain", *asked],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == "[]\n"
        assert "tau" in done.stdout
