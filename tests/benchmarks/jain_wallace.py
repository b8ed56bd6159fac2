"""The whole audit of Jain & Wallace 2019 on their SST, and its parts, against `original`.

Gradients, leave-one-out, tau, 100 permutations and the adversary, of a BiLSTM of their size on the
texts of their test split (more than five words each). The weights are those of an untrained model
with pointed attention: they decide no cost.

Through the command line both are processes, from their start to their end. In process both find
torch loaded; ours loads model and data from their files and reports, and the other has them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.data.settings import ReadingSettings
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models.checkpoint import Checkpoint
from attnaudit.models.classic.classifier import ClassicModel
from attnaudit.models.recipe import TrainConfig
from tests.benchmarks.adversaries import never_lower
from tests.benchmarks.alike import alike, equal
from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side, Target
from tests.benchmarks.checkout import HERE, environ
from tests.benchmarks.original import BATCH, PERMUTATIONS, STEPS, Original
from tests.benchmarks.processes import attnaudit
from tests.benchmarks.researcher import EOS, SOS, Plain
from tests.benchmarks.subjects import Subject, bilstm, shared, texts

Array = NDArray[np.float64]
Rows = list[tuple[str, str]]  # a text and its label
Files = Mapping[str, Path]  # records by question
PROCEDURE = "J&W's procedure in plain PyTorch"
ONE_BY_ONE = "ours, a command for each test"
MEASURES = ("gradient", "leave_one_out")
QUESTIONS = ("correlate", "permute", "instance-adversary")
WORDS = tuple(f"w{i}" for i in range(40))  # of a toy
LABELS = ("negative", "positive")
SHORTEST = 6
EVERY = 13  # batches apart that the search works on: it takes seconds a batch
CHANCE = 0.27  # five standard errors of a median of 100 permutations, with a deviation of .3


@dataclass(frozen=True)
class Audit:
    """A folder with model and data, for both sides."""

    folder: Path
    model: ClassicModel
    original: Original
    steps: int

    @classmethod
    def of(cls, rows: Rows, words: Sequence[str], folder: Path, toy: bool) -> Audit:
        """Texts, their labels, and the words that the model knows."""
        model = bilstm(toy, pointed=True, words=words)
        config = TrainConfig(model=model.recipe, data=Path("data.jsonl"))
        Checkpoint(model, ReadingSettings(), config, {}).save(folder / "model.pt")
        with (folder / "data.jsonl").open("w") as file:
            for number, (text, label) in enumerate(rows):
                row = {"id": str(number), "text": text, "label": label}
                file.write(json.dumps(row) + "\n")
        settings = {"correlate": {"measure": list(MEASURES)}, "audit": {"skip": ["erase"]}}
        (folder / "attnaudit.yaml").write_text(json.dumps(settings))
        plain = Plain.like(model)
        stored = {"state": plain.state_dict(), "words": list(words)}
        torch.save(stored, folder / "plain.pt")
        ordered = sorted((text.split() for text, _ in rows), key=len)
        vocabulary = model.spec.vocabulary
        ids = [[SOS, *vocabulary.ids(text), EOS] for text in ordered]
        return cls(folder, model, Original(plain, ids), 5 if toy else STEPS)

    def through_the_command_line(self) -> Files:
        """Ours in one process."""
        out = self._out()
        attnaudit("audit", "model.pt", "data.jsonl", "-o", out.name, "--quiet", folder=self.folder)
        return {name: out / "records" / f"{name}.jsonl" for name in QUESTIONS}

    def command_by_command(self) -> Files:
        """Ours in three processes."""
        out = self._out()
        files = {name: out / f"{name}.jsonl" for name in QUESTIONS}
        for name, path in files.items():
            command = (name.removeprefix("instance-"), "model.pt", "data.jsonl")
            attnaudit(*command, "--records", str(path), "--quiet", folder=self.folder)
        return files

    def in_process(self) -> Files:
        """Ours through the Python interface."""
        import attnaudit

        made = attnaudit.audit(
            self.folder / "model.pt",
            self.folder / "data.jsonl",
            QUESTIONS,
            settings={"correlate": {"measure": list(MEASURES)}},
            records=self._out() / "records.jsonl",
        )
        return dict(made.files)

    def _out(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    def theirs(self) -> dict[str, Any]:
        """The procedure in a process of its own."""
        with tempfile.TemporaryDirectory() as out:
            path = Path(out) / "found.json"
            files = [str(self.folder / "plain.pt"), str(self.folder / "data.jsonl"), str(path)]
            subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.original", *files, str(self.steps)],
                env=environ(HERE),
                cwd=HERE,
                check=True,
            )
            found: dict[str, Any] = json.loads(path.read_text())
            return found

    def agree(self, files: Files, theirs: Mapping[str, Any]) -> None:
        """Both say of each text the same tau; permutations alike; the maximum is never lower."""
        from scipy.stats import kendalltau  # type: ignore[import-untyped]

        ours = {name: read(path) for name, path in files.items()}
        order = theirs.get("order") or self._order()
        correlated = [ours["correlate"][i] for i in order]
        for name in MEASURES:
            tau = [kendalltau(r["attention"], r["importance"][name])[0] for r in correlated]
            # Nearly equal scores may change places: in float32, by other kernels.
            equal(2e-3)(np.array(np.nanmean(tau)), np.array(np.nanmean(theirs["tau"][name])))
            apart = np.abs(np.array(tau) - np.array(theirs["tau"][name], float))
            equal(0.05)(np.array(np.mean(np.nan_to_num(apart) > 1e-6)), np.zeros(()))
        medians = [ours["permute"][i]["tvd"]["median"] for i in order]
        _by_chance(np.array(medians), np.array(theirs["permuted"]))
        jsd = [ours["instance-adversary"][i]["adversary"][0]["jsd"] for i in order]
        never_lower(np.array(jsd), np.array(theirs["jsd"]))

    def _order(self) -> list[int]:
        with (self.folder / "data.jsonl").open() as file:
            lengths = [len(json.loads(line)["text"].split()) for line in file]
        return sorted(range(len(lengths)), key=lambda i: lengths[i])


def _by_chance(ours: Array, theirs: Array) -> None:
    """The mean over texts is the same, as exactly as other permutations allow."""
    equal(CHANCE / len(ours) ** 0.5)(np.array(ours.mean()), np.array(theirs.mean()))


def _same(tolerance: float) -> Callable[[Files, Files], None]:
    """An `agree` on what stands in the records."""
    agree = alike(tolerance)

    def of_files(ours: Files, theirs: Files) -> None:
        agree(*({name: read(path) for name, path in files.items()} for files in (ours, theirs)))

    return of_files


def read(path: Path) -> list[dict[str, Any]]:
    """The records in a file, in the order of the data, without their checksums."""
    with path.open() as file:
        lines = [json.loads(line) for line in file]
    for line in lines:
        line.pop("crc", None)
    return sorted((r for r in lines if "row" in r), key=lambda r: r["row"])


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="attnaudit-jain-wallace-")


def _rows(split: str) -> Rows:
    with shared("data", "sst2_jw", f"{split}.jsonl").open() as file:
        rows = [json.loads(line) for line in file]
    return [(r["text"], r["label"]) for r in rows if len(r["text"].split()) >= SHORTEST]


@cache
def _audit(toy: bool) -> Audit:
    folder = Path(_folder().name) / ("toy" if toy else "sst")
    folder.mkdir()
    if toy:
        made = [(" ".join(i.tokens), LABELS[i.label]) for i in texts([6, 9, 7, 6], WORDS)]
        return Audit.of(made, WORDS, folder, toy)
    known = Vocabulary.count(text.split() for text, _ in _rows("train"))
    return Audit.of(_rows("test"), known.words, folder, toy)


def _whole(audit: Audit, ours: str, target: float) -> Case:
    """`ours`: the method that does our side."""
    count = len(audit.original.rows)
    rival = Rival(audit.theirs, count, agree=audit.agree)
    rivals = {PROCEDURE: rival}
    if ours == "in_process":
        rivals = {
            PROCEDURE: Rival(
                lambda: audit.original.everything(audit.steps),
                count,
                brief=lambda: audit.original.everything(5),
                agree=audit.agree,
            )
        }
    else:
        rivals[ONE_BY_ONE] = Rival(audit.command_by_command, count, agree=_same(1e-6))
    return Case(
        size={"instances": count},
        unit="text",
        ours=Side(getattr(audit, ours), count),
        rivals=rivals,
        targets=(Target(f"ratio: {PROCEDURE}", target),),
        rounds=1,  # what is timed has its bytecode by then
        same=_same(1e-5),
        memory=ours == "in_process",
    )


def wholes(toy: bool) -> Mapping[str, Build]:
    """As a command, and as a function."""
    return {
        "command line": lambda: _whole(_audit(toy), "through_the_command_line", 15.0),
        "in process": lambda: _whole(_audit(toy), "in_process", 25.0),
    }


def _parts(toy: bool) -> Mapping[str, Build]:
    def subject() -> Subject:
        audit = _audit(toy)
        with (audit.folder / "data.jsonl").open() as file:
            words = [tuple(json.loads(line)["text"].split()) for line in file]
        made = texts([len(text) for text in words])
        instances = [replace(i, tokens=text) for i, text in zip(made, words, strict=True)]
        return Subject(audit.model, audit.model.spec.vocabulary, instances)

    def importance(name: str, work: str, target: float) -> Case:
        audit, ours = _audit(toy), subject()
        count = len(ours.instances)

        def agree(mine: Array, theirs: list[Array]) -> None:
            order = sorted(range(count), key=lambda i: len(ours.instances[i].tokens))
            for row, given in zip(order, theirs, strict=True):
                own = mine[row, : len(given)]
                scale = own.sum() if name == "gradient" else 1.0  # theirs add up to 1
                equal(1e-4)(own / scale, given)

        return Case(
            size={"instances": count},
            unit="text",
            ours=Side(lambda: ours.importance(name), count),
            rivals={PROCEDURE: Rival(getattr(audit.original, work), count, agree=agree)},
            targets=(Target(f"ratio: {PROCEDURE}", target),),
            rounds=3,
            same=alike(1e-5),
        )

    def permutations() -> Case:
        audit, ours = _audit(toy), subject()
        count = len(ours.instances)

        def medians() -> Array:
            made = ours.records("permute", permutations=PERMUTATIONS)
            return np.array([record["tvd"]["median"] for record in made])

        return Case(
            size={"instances": count},
            unit="text",
            ours=Side(medians, count),
            rivals={PROCEDURE: Rival(audit.original.permutations, count, agree=_by_chance)},
            targets=(Target(f"ratio: {PROCEDURE}", 25.0),),
            rounds=3,
            same=alike(1e-5),
        )

    def adversary() -> Case:
        audit, ours = _audit(toy), subject()
        count = len(ours.instances)
        numbers = range(EVERY // 2, len(audit.original.batches()), EVERY)
        numbers = numbers if numbers else range(1)
        order = sorted(range(count), key=lambda i: len(ours.instances[i].tokens))
        some = [i for n in numbers for i in order[n * BATCH : (n + 1) * BATCH]]

        def exact() -> Array:
            made = ours.records("instance-adversary")
            return np.array([record["adversary"][0]["jsd"] for record in made])

        return Case(
            size={"instances": count},
            unit="text",
            ours=Side(exact, count),
            rivals={
                PROCEDURE: Rival(
                    lambda: audit.original.adversary(audit.steps, numbers)[0],
                    len(some),
                    agree=lambda mine, theirs: never_lower(mine[some], theirs),
                )
            },
            targets=(Target(f"ratio: {PROCEDURE}", 300.0),),
            rounds=1,
            same=alike(1e-5),
        )

    return {
        "gradient": lambda: importance("gradient", "gradients", 3.0),
        "leave-one-out": lambda: importance("leave_one_out", "leave_one_out", 7.0),
        "100 permutations": permutations,
        "adversary": adversary,
    }


WHOLE = Benchmark(
    "jw-audit", "the whole audit of Jain & Wallace 2019 on SST, from start to end", wholes
)
PARTS = Benchmark("jw-parts", "its parts, from token ids to records", _parts)
