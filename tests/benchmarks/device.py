"""What a GPU does with the audits: how long they take, how busy it is, and whether figures agree.

python -m tests.benchmarks.device [--device cuda|cpu] [--quick] [--texts N] [--json FILE]

Four pieces of work, each on one process: `correlate` with all importances on minilm-sst2, `permute`
on a BERT-base with random weights, the adversary per text on minilm-sst2, and the training of
Jain & Wallace's BiLSTM on SST. Of each question it says

* seconds, the loading of the model left out, and texts a second;
* `busy`: the mean use of the GPU in the last four fifths of that time, by nvidia-smi;
* `waits`: how often the host waited for the GPU in one batch, by torch itself;
* `apart`: the largest difference of a recorded number from the CPU's, on the first texts, and how
  many other recorded values differ. Below 5e-5 they agree. A search that goes another way on
  another device may end elsewhere: what the adversary finds is shown, and judges nothing.

It takes less than 8 minutes on a GPU. With `--quick` everything is tiny, so that it can be tried on
a CPU. The exit code is 1 where figures do not agree, and 2 where there is no such device.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from attnaudit.data.instance import Instance
from attnaudit.data.pieces import Frame, Pieces
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import AuditError
from attnaudit.execution.device import choose_device, prepare_cpu
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import build_classic
from attnaudit.models.interface import AttentionModel, ModelSpec
from attnaudit.models.predict import Batches
from attnaudit.models.token_budget import suitable_tokens
from attnaudit.models.training import TrainingData, train
from attnaudit.questions import find_question
from tests.benchmarks.case import AbsentError
from tests.benchmarks.machine import machine
from tests.benchmarks.subjects import CPU, WORDS, Subject, bert_on_sst2, lengths_of, texts
from tests.benchmarks.training import Task

AGREE = 5e-5
COMPARED = 24  # texts whose figures are compared with the CPU's
EVERY = 200  # milliseconds between two looks at how busy the GPU is
SEARCHES = ("instance-adversary",)
Records = list[dict[str, Any]]


@dataclass
class Row:
    """What was measured of one piece of work."""

    name: str
    seconds: float
    texts: int
    tokens: int | None = None
    busy: float | None = None
    waits: int | None = None
    apart: float | None = None
    unlike: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether the figures are the CPU's, where they were compared and no search made them."""
        return self.name in SEARCHES or (self.apart or 0.0) <= AGREE


@dataclass
class Difference:
    """How far the numbers of records are apart, and how many other values differ."""

    apart: float = 0.0
    unlike: int = 0
    where: list[str] = field(default_factory=list)

    def add(self, found: Any, expected: Any, where: str = "") -> None:
        """Compare one value with another."""
        if isinstance(expected, dict) and isinstance(found, dict):
            for key in expected.keys() | found.keys():
                self.add(found.get(key), expected.get(key), f"{where}.{key}")
        elif isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
            for one, other in zip(found, expected, strict=True):
                self.add(one, other, where)
        elif isinstance(expected, float) and isinstance(found, float):
            self.apart = max(self.apart, abs(found - expected))
        elif found != expected:
            self.unlike += 1
            self.where.append(where)


def bert_base(count: int, quick: bool) -> Subject:
    """A BERT-base with random weights, and random texts as long as those of SST."""
    from transformers import BertConfig, BertForSequenceClassification

    from attnaudit.models.transformer.classifier import TransformerClassifier
    from attnaudit.models.transformer.interception import register
    from attnaudit.models.transformer.loading import example_batch

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    ids = {name: i for i, name in enumerate((*special, *WORDS))}
    single, pair = Frame((2,), (), (3,)), Frame((2,), (3,), (3,), (0, 0, 0, 1, 1))
    vocabulary = Pieces(ids, single, pair, pad=0, unknown=1, mask=4)
    tiny = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes = {**tiny, "intermediate_size": 32} if quick else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = BertForSequenceClassification(BertConfig(vocab_size=len(ids), **sizes))
    network.set_attn_implementation(register())
    model = TransformerClassifier(network, example_batch(vocabulary), vocabulary.mask)
    lengths = [3 + n % 4 for n in range(count)] if quick else lengths_of("sst2", count)
    return Subject(model.eval().requires_grad_(False), vocabulary, texts(lengths))


def records_of(
    question: str,
    model: AttentionModel,
    vocabulary: Vocabulary,
    instances: Sequence[Instance],
    device: torch.device,
) -> tuple[Records, int]:
    """The records that a question makes with its usual settings, and the tokens of a batch."""
    asked = find_question(question)
    assert asked.maker.records is not None
    batches = Batches(instances, vocabulary, model.boundaries, device)
    tokens = suitable_tokens(model, batches)
    batches = Batches(instances, vocabulary, model.boundaries, device, tokens)
    settings = asked.maker.settle(asked.settings(), model)
    made = asked.maker.records(model, batches, settings, Silent())
    return [record for some in made for record in some], tokens


@contextmanager
def watched(device: torch.device) -> Iterator[list[float]]:
    """Within the context the use of the GPU is noted, in percent; nothing without nvidia-smi."""
    seen: list[float] = []
    if device.type != "cuda":
        yield seen
        return
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        looking = subprocess.Popen(
            [*command, "-lms", str(EVERY)], stdout=subprocess.PIPE, text=True
        )
    except OSError:
        yield seen
        return
    try:
        yield seen
    finally:
        looking.terminate()
        said, _ = looking.communicate()
        for line in said.splitlines():
            with suppress(ValueError):
                seen.append(float(line))


def waits_of(work: Callable[[], object], device: torch.device) -> int | None:
    """How often the host waits for the GPU while it does some work; None for no GPU."""
    if device.type != "cuda":
        return None
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("called a synchronizing" in str(one.message) for one in met)


def asked(question: str, subject: Subject, device: torch.device, compared: int) -> Row:
    """One question about all texts of a subject."""
    model, vocabulary, instances = subject.model, subject.vocabulary, subject.instances
    few = instances[:compared]
    expected, _ = records_of(question, model, vocabulary, few, CPU)
    model = model.to(device)
    # The first time everything is loaded and chosen: it is no part of the steady state.
    found, _ = records_of(question, model, vocabulary, few, device)
    waits = waits_of(lambda: records_of(question, model, vocabulary, few, device), device)
    difference = Difference()
    difference.add(found, expected)
    begin = time.perf_counter()
    with watched(device) as seen:
        made, tokens = records_of(question, model, vocabulary, instances, device)
    seconds = time.perf_counter() - begin
    for where in sorted(set(difference.where)):
        sys.stderr.write(f"{question}: values at {where} differ\n")
    model.to(CPU)
    return Row(
        *(question, seconds, len(made), tokens, _steady(seen), waits),
        *(difference.apart, difference.unlike),
    )


def trained(quick: bool, device: torch.device) -> Row:
    """The training of a BiLSTM, as the program trains it."""
    task = Task.toy() if quick else Task.sst()
    model = build_classic(task.recipe, ModelSpec(task.vocabulary, ("no", "yes")), seed=0)
    data = TrainingData(task.learn, task.dev, task.vocabulary, 2, device)
    begin = time.perf_counter()
    with watched(device) as seen:
        train(model.to(device), data, task.schedule, Silent())
    return Row("train", time.perf_counter() - begin, len(task.learn), busy=_steady(seen))


def _steady(seen: Sequence[float]) -> float | None:
    """The mean of what was seen, without the first fifth."""
    late = seen[len(seen) // 5 :]
    return statistics.mean(late) / 100 if late else None


def measured(device: torch.device, quick: bool, count: int | None) -> Iterator[Row]:
    """All pieces of work, one after the other."""
    compared = 4 if quick else COMPARED
    many, some, few = (6, 6, 6) if quick else (count or 1819, count or 300, count or 200)
    yield asked("correlate", bert_on_sst2(many, quick), device, compared)
    yield asked("permute", bert_base(some, quick), device, compared)
    yield asked("instance-adversary", bert_on_sst2(few, quick), device, compared)
    yield trained(quick, device)


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    titles = ("work", "texts", "seconds", "texts/s", "tokens", "busy", "waits", "apart", "unlike")
    cells = [titles]
    for row in rows:
        pace = row.texts / row.seconds
        shown = (f"{row.seconds:.1f}", f"{pace:.0f}", row.tokens, _share(row.busy), row.waits)
        apart = None if row.apart is None else f"{row.apart:.1e}"
        cells.append((row.name, row.texts, *shown, apart, row.unlike))  # type: ignore[arg-type]
    lines = [["-" if cell is None else str(cell) for cell in line] for line in cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.device",
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny models and few texts")
    parser.add_argument("--texts", type=int, help="texts of each question")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    chosen = parser.parse_args(arguments)
    prepare_cpu(1)
    rows: list[Row] = []
    try:
        device = choose_device(chosen.device)
        for row in measured(device, chosen.quick, chosen.texts):
            rows.append(row)
            sys.stderr.write(f"{row.name}: {row.seconds:.1f} s\n")
    except (AuditError, AbsentError) as error:
        sys.stderr.write(f"device benchmark: {error}\n")
        return 2
    sys.stdout.write(table(rows) + "\n")
    facts = machine()
    if device.type == "cuda":
        facts["GPU"] = torch.cuda.get_device_name(device)
    if chosen.json:
        told = {"device": device.type, "machine": facts, "rows": [asdict(row) for row in rows]}
        chosen.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0 if all(row.agrees for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
