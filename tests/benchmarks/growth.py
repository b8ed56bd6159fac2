"""How time and memory grow with the number of texts, with their length, and with seeds.

`classes` says how they grow with the number of classes.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from attnaudit.data.settings import ReadingSettings
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models.checkpoint import Checkpoint
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.recipe import TrainConfig
from tests.benchmarks.adversaries import Task as Adversary
from tests.benchmarks.bert_permutations import Task as BertPermutations
from tests.benchmarks.case import BESIDE, Benchmark, Build, Case, Side, Target
from tests.benchmarks.measure import Result
from tests.benchmarks.memory import spend
from tests.benchmarks.permutations import Task as Permutations
from tests.benchmarks.plot import curves
from tests.benchmarks.processes import attnaudit
from tests.benchmarks.subjects import WORDS, Subject, bert_on_pieces

ROOM = 200.0  # bytes a text
EXPONENT = 1.15  # of a cost that is called linear: a tenth more a text for ten times as many
SHORTEST, LONGEST = 8, 28
LOO = "leave_one_out"
SLOPE = "exponent of CPU time in seeds"
SMALL = {
    "data": {"reviews": {"train": 400, "dev": 100, "test": 100, "seed": 0}},
    "model": {"embedding": 16, "hidden": 8},
    "training": {"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "seed": 0},
}
COMMANDS = ("permute", "adversary")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where model and texts lie while the benchmarks run."""
    return tempfile.TemporaryDirectory(prefix="attnaudit-benchmarks-")


def write_model(path: Path) -> None:
    recipe = Recipe(embedding=16, hidden=8)
    spec = ModelSpec(Vocabulary(WORDS), ("negative", "positive"))
    config = TrainConfig(model=recipe, data=Path("data.jsonl"))
    Checkpoint(build_classic(recipe, spec, seed=0), ReadingSettings(), config, {}).save(path)


def write_texts(path: Path, count: int) -> None:
    chance = random.Random(0)
    with path.open("w") as file:
        for row in range(count):
            text = " ".join(chance.choices(WORDS, k=chance.randint(SHORTEST, LONGEST)))
            label = ("negative", "positive")[row % 2]
            file.write(json.dumps({"id": str(row), "text": text, "label": label}) + "\n")


def _whole_run(command: str, count: int) -> Case:
    """A run of the program on so many texts, from its start to its report."""
    folder = Path(_folder().name)
    model, data = folder / "model.pt", folder / f"{count}.jsonl"
    if not model.exists():
        write_model(model)
        write_texts(folder / "one.jsonl", 1)
        for each in COMMANDS:  # so that Python has the bytecode when time counts
            attnaudit(each, model.name, "one.jsonl", "--quiet", folder=folder)
    if not data.exists():
        write_texts(data, count)
    arguments = [command, model.name, data.name, "--json", "-o", "report.json", "--quiet"]
    return Case(
        size={"instances": count},
        unit="run",
        ours=Side(lambda: spend(arguments, folder)),
        figures=lambda spent: {"peak MiB": spent.peak / 2**20, "CPU seconds": spent.cpu},
        rounds=0,
        memory=False,
    )


def _runs(counts: tuple[int, ...], toy_counts: tuple[int, ...]) -> object:
    def cases(toy: bool) -> Mapping[str, Build]:
        return {
            f"{command}, {count} texts": (lambda c=command, n=count: _whole_run(c, n))
            for command in COMMANDS
            for count in (toy_counts if toy else counts)
        }

    return cases


def _growth(results: list[Result]) -> Result:
    """Over all runs: bytes a text above the peak of the second one, and the exponent of time.

    The first run, which is start-up above all, is taken off the times of the others.
    """
    found = Result(results[0].benchmark, "over all")
    for command in COMMANDS:
        first, second, *_, last = [r for r in results if r.case.startswith(command)]
        counts = [run.size["instances"] for run in (first, second, last)]
        grown = (last.figures["peak MiB"] - second.figures["peak MiB"]) * 2**20
        room = f"{command}: bytes a text above {counts[1]}"
        found.figures[room] = grown / (counts[2] - counts[1])
        early, late = (
            run.figures["CPU seconds"] - first.figures["CPU seconds"] for run in (second, last)
        )
        slope = f"{command}: exponent of CPU time"
        if min(early, late) > 0:
            more = (counts[2] - counts[0]) / (counts[1] - counts[0])
            found.figures[slope] = math.log(late / early) / math.log(more)
        found.judge((Target(room, ROOM, at_most=True), Target(slope, EXPONENT, at_most=True)))
    return found


def exponents(results: list[Result]) -> Result:
    """Of each line of cases the exponent of our cost a unit, from its first size to its last.

    And that of the last step, on which what does not grow weighs least; of another checkout's, too.
    """
    found = Result(results[0].benchmark, "over all")
    for (_, axis, line), points in curves(results).items():
        if not line.endswith(("ours", BESIDE)):
            continue
        for name, (low, first), (high, last) in (
            ("", points[0], points[-1]),
            (", last step", points[-2], points[-1]),
        ):
            figure = f"{line}: exponent in {axis}{name}"
            found.figures[figure] = math.log(last / first) / math.log(high / low)
    return found


def _seeds(toy: bool) -> Mapping[str, Build]:
    """`seed-baseline` of a small model, with more and more seeds."""

    def baseline(count: int) -> Case:
        folder = Path(_folder().name)
        if not (folder / "small" / "model.pt").exists():
            (folder / "small.yaml").write_text(json.dumps(SMALL))
            attnaudit("train", "small.yaml", "-o", "small", "--quiet", folder=folder)
        files = ("small/model.pt", "small/data.yaml")
        arguments = ["seed-baseline", *files, "--seeds", str(count), "--quiet"]
        return Case(
            size={"seeds": count},
            unit="run",
            ours=Side(lambda: spend([*arguments, "-o", "seeds.json"], folder)),
            figures=lambda spent: {"peak MiB": spent.peak / 2**20, "CPU seconds": spent.cpu},
            rounds=0,
            memory=False,
        )

    return {
        f"seed-baseline, {count} seeds": (lambda count=count: baseline(count))
        for count in ((2, 3, 4) if toy else (2, 4, 8, 16))
    }


def _growth_of_seeds(results: list[Result]) -> Result:
    """The exponent of time, from the second run to the last, without what the first one takes."""
    found = Result(results[0].benchmark, "over all")
    counts = [result.size["seeds"] for result in results]
    spent = [result.figures["CPU seconds"] for result in results]
    early, late = spent[1] - spent[0], spent[-1] - spent[0]
    if min(early, late) > 0:
        more = (counts[-1] - counts[0]) / (counts[1] - counts[0])
        found.figures[SLOPE] = math.log(late / early) / math.log(more)
    found.judge((Target(SLOPE, EXPONENT, at_most=True),))
    return found


def _tokens(toy: bool) -> Mapping[str, Build]:
    lengths = (4, 8) if toy else (16, 32, 64, 128, 256, 512, 1024)
    texts = 2 if toy else 8

    def deletion(tokens: int) -> Case:
        subject = Subject.of_bilstm([tokens] * min(texts, 4), toy)
        return Case(
            {"tokens": tokens}, "text", Side(lambda: subject.importance(LOO), min(texts, 4))
        )

    def permutations(tokens: int) -> Case:
        task = Permutations([tokens] * texts, toy)
        return Case({"tokens": tokens}, "text", Side(task.ours, texts))

    def adversary(tokens: int) -> Case:
        return Case({"tokens": tokens}, "text", Side(Adversary.of(texts, tokens, toy).exact, texts))

    makers = {"deletion": deletion, "permutations": permutations, "adversary": adversary}
    return {
        f"{name}, {n} tokens": (lambda make=make, n=n: make(n))
        for name, make in makers.items()
        for n in lengths
    }


def _bert_tokens(toy: bool) -> Mapping[str, Build]:
    def deletion(pieces: int) -> Case:
        subject = bert_on_pieces(1, pieces, toy)
        return Case({"tokens": pieces}, "text", Side(lambda: subject.importance(LOO)), rounds=0)

    def permutations(pieces: int) -> Case:
        task = BertPermutations(4, pieces, toy)
        return Case({"tokens": pieces}, "text", Side(task.ours, 4))

    makers = {"deletion": deletion, "permutations": permutations}
    return {
        f"{name}, {n} pieces": (lambda make=make, n=n: make(n))
        for name, make in makers.items()
        for n in ((6, 8) if toy else (16, 32, 64, 128, 256, 512))
    }


TEXTS = Benchmark(
    "growth-texts",
    "whole runs of the program on more and more texts, a small BiLSTM",
    _runs((1_000, 10_000, 100_000), (4, 8, 16)),
    over_all=_growth,
)
MILLION = Benchmark(
    "memory-million",
    "the same up to a million texts",
    _runs((1_000, 10_000, 100_000, 1_000_000), (4, 8, 16)),
    asked=True,
    over_all=_growth,
)
TOKENS = Benchmark(
    "growth-tokens", "a BiLSTM on longer and longer texts", _tokens, over_all=exponents
)
BERT_TOKENS = Benchmark(
    "growth-pieces",
    "minilm-sst2 on longer and longer texts",
    _bert_tokens,
    asked=True,
    over_all=exponents,
)
SEEDS = Benchmark(
    "growth-seeds", "seed-baseline with more and more seeds", _seeds, over_all=_growth_of_seeds
)
