from __future__ import annotations

import json

import pytest
import torch

from tests.benchmarks.device import Difference, Row, main, table


def test_it_runs_on_a_cpu_and_figures_agree_with_themselves(tmp_path, capsys):
    out = tmp_path / "device.json"
    assert main(["--device", "cpu", "--quick", "--json", str(out)]) == 0
    told = json.loads(out.read_text())
    rows = {row["name"]: row for row in told["rows"]}
    assert list(rows) == ["correlate", "permute", "instance-adversary", "train"]
    for name in list(rows)[:3]:
        assert (rows[name]["apart"], rows[name]["unlike"], rows[name]["tokens"]) == (0, 0, 4096)
        assert rows[name]["texts"] == 6
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["correlate", "6"]


def test_without_a_gpu_it_ends_with_one_line(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "this machine has no cuda device" in said.err


def test_numbers_that_are_apart_and_other_values_are_told_apart():
    difference = Difference()
    difference.add(
        [{"tvd": {"mean": 0.5}, "flips": True, "n": 3}],
        [{"tvd": {"mean": 0.25}, "flips": False, "n": 3}],
    )
    assert (difference.apart, difference.unlike, difference.where) == (0.25, 1, [".flips"])


@pytest.mark.parametrize(
    ("name", "apart", "agrees"),
    [("correlate", 6e-5, False), ("correlate", 4e-5, True), ("instance-adversary", 0.1, True)],
)
def test_figures_agree_to_the_tolerance(name, apart, agrees):
    row = Row(name, 1.0, 10, apart=apart)
    assert row.agrees is agrees
    assert f"{apart:.1e}" in table([row])
