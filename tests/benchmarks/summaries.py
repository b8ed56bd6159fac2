"""From records to figures: what `correlate` makes of its records, and whole reports of many.

Both depend on no model. The bound of a report is to read its file: every line, as JSON.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attnaudit.questions import find_question
from attnaudit.questions.opening import open_records
from attnaudit.records.writing import RecordsWriter
from tests.benchmarks.alike import alike
from tests.benchmarks.case import Benchmark, Build, Case, DisagreementError, Rival, Side, Target
from tests.benchmarks.growth import write_model, write_texts
from tests.benchmarks.processes import attnaudit, run
from tests.benchmarks.subjects import Subject, lengths_of

READING = "Python that reads the lines as JSON"
READ = "import json, sys; print(sum(len(json.loads(line)) for line in open(sys.argv[1], 'rb')) > 0)"
SOURCE = 200  # texts whose records are repeated
LABELS = ("negative", "positive")


def _summary(lengths: list[int]) -> Case:
    """Of all importances of a BiLSTM: a tiny one, whose records are as large as any."""
    subject, question = Subject.of_bilstm(lengths, True, pointed=True), find_question("correlate")
    settings = question.maker.settle(question.settings(), subject.model)
    records = subject.records("correlate")

    def summarise() -> dict[str, float | None]:
        found = question.summarise(iter(records), settings, LABELS)
        return {name: estimate.value for name, estimate in found.metrics.items()}

    return Case(
        size={"instances": len(lengths), "tokens": max(lengths)},
        unit="text",
        ours=Side(summarise, len(lengths)),
        targets=(Target("milliseconds", 0.4, at_most=True),),
        figures=lambda found: {"metrics": float(len(found))},
        same=alike(1e-6),  # of records that each tree makes
    )


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="attnaudit-reports-")


def _records_of(question: str, count: int) -> Path:
    """So many records: those of a few texts, again and again."""
    folder = Path(_folder().name)
    path, few = folder / f"{question}-{count}.jsonl", folder / f"{question}.jsonl"
    if path.exists():
        return path
    if not few.exists():
        write_model(folder / "model.pt")
        write_texts(folder / "data.jsonl", SOURCE)
        measures = ("--measure", "gradient", "--measure", "leave_one_out")
        options = measures if question == "correlate" else ()
        files = ("model.pt", "data.jsonl", "--records", few.name, "--quiet")
        attnaudit(question, *files, *options, folder=folder)
    source = open_records(few)
    facts = source.header.dataset.model_copy(update={"instances": count})
    header = source.header.model_copy(update={"dataset": facts})
    made = list(source)

    def repeated() -> Iterator[dict[str, Any]]:
        for row in range(count):
            yield {**made[row % len(made)], "row": row, "id": str(row)}

    with RecordsWriter(path, header) as writer:
        writer.write(repeated())
        writer.finish(header.manifest)
    return path


def _report(question: str, count: int) -> Case:
    path = _records_of(question, count)

    def report() -> dict[str, float | None]:
        told = json.loads(attnaudit("report", path.name, "--format", "json", folder=path.parent))
        return {name: metric["value"] for name, metric in told["metrics"].items()}

    def agree(ours: Mapping[str, Any], theirs: str) -> None:
        if not ours or "True" not in theirs:
            raise DisagreementError("no figures, or nothing read")

    return Case(
        size={"instances": count},
        unit="report",
        ours=Side(report),
        rivals={READING: Rival(lambda: run("-c", READ, str(path)), agree=agree)},
        rounds=1,
        memory=False,
        same=alike(1e-9),
    )


def summaries(toy: bool) -> Mapping[str, Build]:
    """Sentences."""
    if toy:
        return {"toy": lambda: _summary([3, 5, 4, 6])}
    return {"lengths of sst2": lambda: _summary(lengths_of("sst2", 256))}


def reports(toy: bool) -> Mapping[str, Build]:
    """Records of two questions, few and many."""
    counts = (300, 600) if toy else (1_000, 10_000, 100_000)
    return {
        f"{question}, {count} records": (lambda q=question, n=count: _report(q, n))
        for question in ("permute", "correlate")
        for count in counts
    }


SUMMARY = Benchmark("summary", "from records of correlate to its figures", summaries)
REPORT = Benchmark("report", "the command `report`, from its start to its end", reports)
