"""Erasure for a BERT, in units of the forward passes that its definition needs.

These are the texts as they are, and each of the different shorter texts that ERASER's measures and
the test of support ask for, once: by the network as transformers gives it, sorted by length, 32 at
a time. The rankings are no part of it: `correlate` has made them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.benchmarks.alike import alike
from tests.benchmarks.case import Benchmark, Build, Case, DisagreementError, Rival, Side, Target
from tests.benchmarks.jain_wallace import read
from tests.benchmarks.researcher import BATCH
from tests.benchmarks.subjects import Record, Subject, bert_on_sst2, plain_bert, shared

Ids = tuple[int, ...]
FORWARDS = "the forward passes that it needs"
CORRELATE = "ours, correlate alone"
MULTIPLE = "erase, in forwards that it needs"
MOST = 1.2


def seen(subject: Subject, question: str, **settings: Any) -> set[Ids]:
    """The different texts, as token ids, that a question has the network read."""
    found: set[Ids] = set()
    pad = subject.vocabulary.pad

    def note(_: Any, given: tuple[Tensor, ...]) -> None:
        for row in given[0].tolist() if given[0].ndim == 2 else ():  # no texts: the whole table
            while row and row[-1] == pad:
                row.pop()
            found.add(tuple(row))

    network: Any = subject.model.network
    hook = network.get_input_embeddings().register_forward_pre_hook(note)
    try:
        subject.records(question, **settings)
    finally:
        hook.remove()
    if not found:
        raise RuntimeError("the network has read no token ids through its embedding")
    return found


@torch.no_grad()
def forwards(network: Any, texts: Sequence[Ids], pad: int) -> int:
    """Let the network read texts, sorted by length, and say how many they were."""
    ordered = sorted(texts, key=len)
    for start in range(0, len(ordered), BATCH):
        rows = [torch.tensor(ids) for ids in ordered[start : start + BATCH]]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)
        lengths = torch.tensor([len(row) for row in rows])
        mask = torch.arange(ids.shape[1]) < lengths.unsqueeze(1)
        network(input_ids=ids, attention_mask=mask.long())
    return len(ordered)


def _alone(subject: Subject, network: Any) -> Case:
    """Attention and a random ranking, which need no importance."""
    needed, count = sorted(seen(subject, "erase", measures=("random",))), len(subject.instances)
    pad = subject.vocabulary.pad

    def agree(made: list[Record], read: int) -> None:
        if len(made) != count or read < count:
            raise DisagreementError(f"{len(made)} records, and {read} texts read of {count}")

    return Case(
        size={"instances": count, "forwards": len(needed)},
        unit="text",
        ours=Side(lambda: subject.records("erase", measures=("random",)), count),
        rivals={FORWARDS: Rival(lambda: forwards(network, needed, pad), count, agree=agree)},
        targets=(Target(f"share of {FORWARDS}", MOST, at_most=True),),
        rounds=3,
        same=alike(1e-5),
    )


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="attnaudit-erasure-")


def _after_correlate(count: int) -> Case:
    """All rankings, in one run with `correlate`, whose importances they are."""
    model, data = shared("models", "minilm-sst2"), Path(_folder().name) / f"{count}.jsonl"
    with shared("data", "sst2", "test.jsonl").open() as file:
        data.write_text("".join(line for _, line in zip(range(count), file, strict=False)))
    subject, network = bert_on_sst2(count, False), plain_bert(False)
    needed = sorted(seen(subject, "erase") - seen(subject, "correlate"))
    pad = subject.vocabulary.pad

    def audit(*questions: str) -> dict[str, list[Record]]:
        import attnaudit

        with tempfile.TemporaryDirectory() as out:
            path = Path(out) / "records.jsonl"
            made = attnaudit.audit(model, data, questions, records=path)
            return {name: read(file) for name, file in made.files.items()}

    def agree(made: dict[str, list[Record]], others: dict[str, list[Record]]) -> None:
        alike(1e-5)(made["correlate"], others["correlate"])

    def multiple(figures: Mapping[str, float]) -> Mapping[str, float]:
        alone = 1 - figures[f"ratio: {CORRELATE}"]
        return {MULTIPLE: alone / figures[f"ratio: {FORWARDS}"]}

    return Case(
        size={"instances": count, "forwards": len(needed)},
        unit="text",
        ours=Side(lambda: audit("correlate", "erase"), count),
        rivals={
            CORRELATE: Rival(lambda: audit("correlate"), count, agree=agree),
            FORWARDS: Rival(
                lambda: forwards(network, needed, pad), count, agree=lambda made, read: None
            ),
        },
        targets=(Target(MULTIPLE, MOST, at_most=True),),
        derived=multiple,
        rounds=2,
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """Erasure by itself, and what it adds to a run of `correlate`."""
    if toy:
        return {"by attention": lambda: _alone(bert_on_sst2(3, True), plain_bert(True))}
    return {
        "by attention, 16 sentences of sst2": lambda: _alone(
            bert_on_sst2(16, False), plain_bert(False)
        ),
        "after correlate, 8 sentences of sst2": lambda: _after_correlate(8),
    }


ERASE = Benchmark("bert-erase", "erasure for minilm-sst2, in forward passes", cases)
