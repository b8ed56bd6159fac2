"""The suite at toy sizes: that both sides of everything agree, and what is made of the figures."""

from __future__ import annotations

import ast
import json
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from attnaudit.data.vocabulary import EOS, PAD, SOS, UNK
from attnaudit.measures.divergences import jsd
from tests.benchmarks import original, researcher
from tests.benchmarks.__main__ import main, run
from tests.benchmarks.alike import alike, equal
from tests.benchmarks.case import (
    BESIDE,
    AbsentError,
    Benchmark,
    Case,
    DisagreementError,
    Rival,
    Side,
    Target,
)
from tests.benchmarks.checkout import HERE
from tests.benchmarks.growth import exponents
from tests.benchmarks.measure import Cost, Result, Spread, measure
from tests.benchmarks.memory import STATUS, side_peak
from tests.benchmarks.plot import curves, draw
from tests.benchmarks.suite import BENCHMARKS
from tests.benchmarks.table import HEAD, as_json, markdown, seconds

PROCESSES = (  # each case of these starts Python
    *("jw-audit", "start-up", "report", "quickstart"),
    *("growth-texts", "growth-seeds", "memory-million"),
)
QUICK = [name for name in BENCHMARKS if name not in PROCESSES]


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.filterwarnings("ignore::UserWarning:captum", "ignore::DeprecationWarning:captum")
def test_both_sides_agree(name):
    results = run(BENCHMARKS[name], rounds=1, quick=True, memory=False)
    skipped = [result.skipped for result in results if result.skipped]
    if skipped:
        pytest.skip(skipped[0])
    for result in results:
        assert (result.disagreement, result.failure) == (None, None)
        if result.case != "over all":
            assert result.ours is not None
            assert result.ours.cpu.median > 0


def spin(duration):
    """Work for so many seconds of CPU, and say so."""

    def call():
        end = time.process_time() + duration
        while time.process_time() < end:
            pass
        return duration

    return call


def agree(ours, theirs):
    if ours > theirs:
        raise DisagreementError("less")


def case(**changes):
    parts = {
        "size": {"tokens": 3},
        "unit": "text",
        "ours": Side(spin(0.002), units=2),
        "rivals": {"loop": Rival(spin(0.02), units=4, agree=agree)},
    }
    return Case(**parts | changes)


def test_costs_are_by_the_unit_and_ratios_of_medians():
    targets = (
        Target("ratio: loop", 2.0),
        Target("share of loop", 0.1, at_most=True),
        Target("never measured", 1.0),
    )
    found = measure("some", "case", case(targets=targets), rounds=3)
    ours, loop = found.ours, found.rivals["loop"]
    assert ours.cpu.median == pytest.approx(0.001, rel=0.3)
    assert loop.cpu.median == pytest.approx(0.005, rel=0.3)
    assert loop.ratio.median == loop.cpu.median / ours.cpu.median
    assert loop.ratio.low <= loop.ratio.high
    assert found.figures["milliseconds"] == 1e3 * ours.cpu.median
    assert [(j.says, j.met) for j in found.targets] == [
        ("ratio: loop at least 2", True),
        ("share of loop at most 0.1", False),
    ]
    assert found.rounds == 3


def test_sides_take_turns_after_a_first_call_each():
    called = []

    def note(label):
        def call():
            called.append(label)
            spin(0.06)()  # long enough for one call a turn

        return call

    loop = Rival(note("loop"), agree=lambda *_: None)
    measure("some", "case", case(ours=Side(note("ours")), rivals={"loop": loop}), rounds=2)
    assert called == ["ours", "loop"] * 3
    called.clear()
    once = case(ours=Side(note("ours")), rivals={"loop": loop}, rounds=0)
    found = measure("some", "case", once, rounds=2)
    assert called == ["ours", "loop"]
    assert found.rivals["loop"].ratio.median == pytest.approx(1, rel=0.3)


def test_a_share_of_the_peak_is_what_the_useful_operations_take_of_it():
    found = measure("some", "case", case(flops=1e6), rounds=1)
    rate = 1e-3 / found.ours.cpu.median  # GF/s
    figures = found.figures
    best, usual = figures["matmul GF/s"], figures["of torch.mm"]
    assert best >= usual
    assert figures["share of the matmul peak"] == pytest.approx(rate / best)
    assert figures["share of the peak of torch.mm"] == pytest.approx(rate / usual)


def test_what_disagrees_or_is_absent_is_said():
    def other():
        return case(rivals={"loop": Rival(spin(0.001), agree=agree)})

    def absent():
        raise AbsentError("needs a thing")

    def failing():
        raise ValueError("no")

    parts = {"wrong": other, "absent": absent, "failing": failing}
    wrong = Benchmark("some", "", lambda quick: parts)
    results = run(wrong, rounds=1, quick=True, memory=False)
    assert [r.disagreement for r in results] == ["less", None, None]
    assert [r.skipped for r in results] == [None, "needs a thing", None]
    assert [r.failure for r in results] == [None, None, "ValueError: no"]
    assert "**FAILED**: ValueError: no" in markdown(results, {}, quick=False)


def test_a_target_names_a_rival_of_its_case():
    for figure in ("ratio: loop", f"ratio: {BESIDE}", "share of loop", "milliseconds"):
        case(targets=(Target(figure, 1.0),))
    for figure in ("ratio: lop", "share of it", "wall ratio: lop"):
        with pytest.raises(ValueError, match="names no rival"):
            case(targets=(Target(figure, 1.0),))


def test_a_side_elsewhere_has_a_clock_of_its_own():
    """Figures are read off its result, too, and others are derived from all."""
    elsewhere = iter(range(100))
    beside = Rival(spin(0.001), clock=lambda: float(next(elsewhere)), agree=lambda *_: None)
    found = measure(
        "some",
        "case",
        case(
            ours=Side(spin(0.06)),
            rivals={BESIDE: beside},
            figures=lambda result: {"given": result},
            derived=lambda figures: {"times": figures[f"given, {BESIDE}"] / figures["given"]},
        ),
        rounds=2,
    )
    assert found.rivals[BESIDE].cpu.median == 1.0
    assert found.figures["times"] == pytest.approx(0.001 / 0.06)
    assert found.figures[f"wall ratio: {BESIDE}"] < 0.5


def test_results_are_alike_within_the_tolerance():
    ours = {"a": [1.0, {"b": np.array([2.0, np.nan])}], "c": None, "d": "x"}
    agree = alike(0.1)
    agree(ours, {"a": (1.05, {"b": np.array([2.05, np.nan])}), "c": None, "d": "x"})
    for other in (
        {**ours, "a": [1.2, ours["a"][1]]},
        {**ours, "a": [1.0]},
        {**ours, "a": [1.0, {"b": np.array([2.5, np.nan])}]},
        {**ours, "c": 0.0},
        {**ours, "d": "y"},
        {"a": ours["a"]},
    ):
        with pytest.raises(DisagreementError):
            agree(ours, other)


def test_the_rival_of_the_paper_needs_nothing_of_ours():
    """So that its process pays for no import of ours."""
    for module in (original, researcher):
        tree = ast.parse(Path(module.__file__).read_text())
        names = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
        assert names
        assert not [name for name in names if name.startswith("attnaudit")]
    assert (researcher.PAD, researcher.UNK, researcher.SOS, researcher.EOS) == (PAD, UNK, SOS, EOS)


def test_the_search_of_the_paper_comes_near_the_maximum():
    """Of three words with one logit each: all weights with the same answer lie on a line."""
    own, logits = torch.tensor([[0.5, 0.3, 0.2]]), torch.tensor([0.0, 1.0, -1.0])
    words = torch.ones(1, 3, dtype=torch.bool)
    strict, kept = original.search(own, lambda w: (w @ logits).sigmoid(), words, 5, 500, seed=0)
    line = np.linspace(0, 0.5, 2001)[:, None]
    z = float(own[0] @ logits)
    weights = np.concatenate([1 - 2 * line + z, line, line - z], axis=1)
    weights = weights[(weights >= 0).all(1)]
    best = float(jsd(weights, own.double().numpy()).max())
    assert 0.95 * best < strict[0] <= kept[0] <= np.log(2)


def test_arrays_are_equal_within_the_tolerance():
    agree = equal(0.1)
    a = np.array([1.0, np.nan])
    agree(a, a + 0.05)
    for other in (a + 0.2, np.array([1.0, 2.0]), np.array([1.0])):
        with pytest.raises(DisagreementError):
            agree(a, other)


def spread(value):
    return Spread(value, 0.9 * value, 1.1 * value)


def made(**changes):
    ours = Cost(spread(2e-3), spread(2e-3), peak=50.0, above=4.0)
    loop = Cost(spread(8e-3), spread(8e-3), ratio=spread(4.0), peak=60.0, above=6.5)
    parts = {
        "benchmark": "some",
        "case": "18 tokens",
        "size": {"tokens": 18},
        "unit": "text",
        "rounds": 3,
        "ours": ours,
        "rivals": {"loop": loop},
        "figures": {"ratio: loop": 4.0, "mean JSD": 0.25},
    }
    return Result(**parts | changes)


def test_the_table_has_a_row_for_each_rival():
    result = made()
    result.judge((Target("ratio: loop", 6.0),))
    skipped = Result("other", "big", skipped="needs captum")
    wrong = Result("other", "small", disagreement="less")
    shown = markdown([result, skipped, wrong], {"CPU": "fast"}, quick=False)
    lines = [line for line in shown.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == list(HEAD)
    assert cells[2] == [
        "some",
        "18 tokens",
        "2 ms a text",
        "loop",
        "8 ms",
        "4 (3.6 to 4.4)",
        "4 / 6.5",
        "mean JSD 0.25; target ratio: loop at least 6: 4, **missed**",
    ]
    assert cells[3][-1] == "skipped: needs captum"
    assert cells[4][-1] == "**DISAGREE**: less"
    assert "CPU fast." in shown
    assert "Toy sizes" not in shown
    assert "Toy sizes" in markdown([result], {}, quick=True)


def test_the_json_has_every_field():
    told = json.loads(as_json([made()], {"CPU": "fast"}, quick=True))
    assert told["machine"] == {"CPU": "fast"}
    assert told["quick"] is True
    (result,) = told["results"]
    assert result.keys() == {field.name for field in fields(Result)}
    assert result["ours"].keys() == {field.name for field in fields(Cost)}
    assert result["rivals"]["loop"]["ratio"] == {"median": 4.0, "low": 3.6, "high": 4.4}


@pytest.mark.parametrize(
    ("value", "shown"), [(12.34, "12.3 s"), (0.25, "250 ms"), (4e-5, "40 µs"), (2e-9, "0.002 µs")]
)
def test_times_have_units_that_suit_them(value, shown):
    assert seconds(value) == shown


def growing(line, sizes):
    return [made(benchmark="growth", case=f"{line}, {n} tokens", size={"tokens": n}) for n in sizes]


def test_exponents_are_those_of_lines():
    steps = ((2, 1.0), (4, 2.0), (16, 32.0))  # linear at first, then square
    results = [
        made(benchmark="growth", case=f"adversary, {n} classes", size={"classes": n}, ours=cost(c))
        for n, c in steps
    ]
    figures = exponents(results).figures
    assert figures == {
        "adversary: ours: exponent in classes": pytest.approx(5 / 3),
        "adversary: ours: exponent in classes, last step": pytest.approx(2),
    }


def cost(seconds):
    return Cost(spread(seconds), spread(seconds))


def test_seeds_grow_from_the_second_run_on():
    def result(count, cpu):
        figures = {"CPU seconds": cpu}
        return Result("growth", f"seeds, {count}", {"seeds": count}, figures=figures)

    over_all = BENCHMARKS["growth-seeds"].over_all
    linear = over_all([result(2, 11.0), result(4, 12.0), result(16, 18.0)])
    assert linear.figures["exponent of CPU time in seeds"] == pytest.approx(1)
    assert [j.met for j in linear.targets] == [True]
    square = over_all([result(2, 11.0), result(4, 12.0), result(16, 60.0)])
    assert [j.met for j in square.targets] == [False]


def test_curves_are_lines_of_three_sizes_or_more(tmp_path):
    results = [*growing("deletion", (4, 16, 8)), *growing("short", (4, 8)), made()]
    found = curves(results)
    assert set(found) == {
        ("growth", "tokens", "deletion: ours"),
        ("growth", "tokens", "deletion: loop"),
    }
    assert found["growth", "tokens", "deletion: loop"] == [(4, 8e-3), (8, 8e-3), (16, 8e-3)]
    pytest.importorskip("matplotlib")
    draw(results, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_growth_is_judged_over_all_runs():
    def result(command, count, cpu, peak):
        figures = {"CPU seconds": cpu, "peak MiB": peak}
        return Result("growth", f"{command}, {count}", {"instances": count}, figures=figures)

    sizes = (1000, 10_000, 100_000)
    linear = zip(sizes, (3.0, 3.9, 12.9), (300.0, 310.0, 311.0), strict=True)
    square = zip(sizes, (3.0, 3.9, 112.0), (300.0, 310.0, 400.0), strict=True)
    over_all = BENCHMARKS["growth-texts"].over_all
    found = over_all(
        [result("permute", *run) for run in linear] + [result("adversary", *run) for run in square]
    )
    assert found.figures["permute: bytes a text above 10000"] == pytest.approx(2**20 / 90_000)
    assert found.figures["permute: exponent of CPU time"] == pytest.approx(1)
    assert found.figures["adversary: exponent of CPU time"] > 1.9
    assert [j.met for j in found.targets] == [True, True, False, False]


@pytest.mark.skipif(not STATUS.exists(), reason="peak memory is read off Linux' own account")
@pytest.mark.whole
def test_memory_is_that_of_a_fresh_process():
    """Takes some 5 s, most of which the process needs to import torch and scipy."""
    peak, above = side_peak("kendall", "6 texts of 5 tokens", "scipy, pair by pair", toy=True)
    assert 20 < peak < 2000
    assert 0 <= above < peak


@pytest.mark.whole
def test_another_checkout_does_the_same_work(tmp_path, capsys):
    """Takes some 10 s: a process that imports everything. The other one here is this one."""
    (result,) = run(BENCHMARKS["kendall"], 1, quick=True, memory=False, other=HERE)
    assert (result.disagreement, result.failure) == (None, None)
    assert result.rivals[BESIDE].cpu.median > 0
    broken = tmp_path / "attnaudit"
    broken.mkdir()
    (broken / "__init__.py").touch()
    (result,) = run(BENCHMARKS["kendall"], 1, quick=True, memory=False, other=tmp_path)
    assert BESIDE not in result.rivals
    assert result.ours is not None
    assert (
        "the process of another checkout ended with 1, and is left out" in capsys.readouterr().err
    )


def test_the_command_line(tmp_path, capsys):
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "markdown")}
    options = [f"--{kind}={path}" for kind, path in files.items()]
    assert main(["kendall", "--quick", "--rounds=1", "--no-memory", *options]) == 0
    shown = capsys.readouterr()
    assert shown.out == files["markdown"].read_text()
    assert shown.err == "kendall: 6 texts of 5 tokens\n"
    (result,) = json.loads(files["json"].read_text())["results"]
    assert result["benchmark"] == "kendall"
    assert result["rivals"]["scipy, pair by pair"]["ratio"]["median"] > 0


def test_results_that_differ_are_the_exit_code(monkeypatch, capsys):
    def cases(quick):
        return {"wrong": lambda: case(rivals={"loop": Rival(spin(0.001), agree=agree)})}

    monkeypatch.setitem(BENCHMARKS, "kendall", Benchmark("kendall", "", cases))
    assert main(["kendall", "--rounds=1", "--no-memory"]) == 1
    assert "DISAGREE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["kendal"], "there is no benchmark 'kendal': did you mean 'kendall'?\n"),
        (["xyz"], "there is no benchmark 'xyz': --list names them all\n"),
        (["--rounds=0"], "--rounds must be at least 1\n"),
        (["--beside=nowhere"], "--beside: nowhere holds no attnaudit/\n"),
    ],
)
def test_mistakes_are_one_line(arguments, said, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", said)


def test_the_list_names_all(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(BENCHMARKS)
    assert sum("only if named" in line for line in lines) == 3
