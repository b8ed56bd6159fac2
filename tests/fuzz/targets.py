"""What is fuzzed: each kind of file, with the commands that read it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import corpus, formats, oracles, program
from tests.fuzz.edits import Change, Damage, changed, changes, damaged, damages
from tests.fuzz.formats import Form

Line = tuple[str, ...]
Edits = tuple[str, Any]  # which kind, and what: see `Target.edits`


@dataclass(frozen=True)
class Target:
    """A file that is made odd, in a folder with what the commands need beside it.

    `stop_at` ends the work with Ctrl-C where it begins its task of that number: the file has been
    read by then. `copies` names files that get another name in the folder of the case. `cost` is
    how long a case takes next to others, roughly.
    """

    name: str
    victim: str
    form: Form
    lines: Sequence[Line]
    beside: Sequence[str] = ()
    copies: dict[str, str] = field(default_factory=dict)
    stop_at: int | None = None
    cost: int = 1
    judge: Callable[[Path, Path, program.Ended], Sequence[str]] | None = None  # checksums in place

    def edits(self) -> st.SearchStrategy[Edits]:
        """Changes of the values in the file, or damage to its bytes."""
        kinds: list[st.SearchStrategy[Edits]] = [
            st.tuples(st.just("values"), changes()),
            st.tuples(st.just("values"), changes()),
            st.tuples(st.just("bytes"), damages(self.form.words)),
        ]
        if self.form.seal is not None:
            kinds += [st.tuples(st.just("sealed"), changes())] * 2
        if self.form is formats.TORCH:
            kinds.append(st.tuples(st.just("tensor"), formats.odd_trees()))
        return st.one_of(kinds)

    def odd(self, data: bytes, edits: Edits) -> bytes:
        """The bytes of the file with the edits made."""
        kind, what = edits
        if kind == "bytes":
            made: Sequence[Damage] = what
            return damaged(data, made)
        tree = self.form.read(data)
        if kind == "tensor":
            return self.form.write(formats.with_odd_tensor(tree, *what))
        wanted: Sequence[Change] = what
        write = self.form.seal if kind == "sealed" else None
        return (write or self.form.write)(changed(tree, wanted))


@dataclass(frozen=True)
class Case:
    """A target with one of its command lines and edits of its file."""

    target: Target
    line: Line
    edits: Edits

    def __repr__(self) -> str:
        return f"{self.target.name}: attnaudit {' '.join(self.line)}, {self.edits!r}"


@dataclass(frozen=True)
class Outcome:
    """What a case has shown."""

    faults: list[str]
    ended: program.Ended


def cases(target: Target) -> st.SearchStrategy[Case]:
    """The cases of a target."""
    drawn = st.tuples(st.sampled_from(list(target.lines)), target.edits())
    return drawn.map(lambda pair: Case(target, *pair))


def lay_out(case: Case, files: Path, folder: Path) -> bool:
    """Put the files of a case into an empty folder; False where its edits make no file."""
    target = case.target
    for name in (target.victim, *target.beside):
        place = folder / target.copies.get(name, name)
        if (files / name).is_dir():
            shutil.copytree(files / name, place, dirs_exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files / name, place)
    victim = folder / target.copies.get(target.victim, target.victim)
    try:
        victim.write_bytes(target.odd(victim.read_bytes(), case.edits))
    except (ValueError, TypeError, RuntimeError, RecursionError, NotImplementedError):
        return False  # a value that the format cannot hold
    except Exception as error:  # torch and yaml have errors of their own for that
        if type(error).__module__.partition(".")[0] in ("yaml", "torch", "_pickle", "struct"):
            return False
        raise
    return True


def execute(case: Case, files: Path, folder: Path) -> Outcome | None:
    """Run a case in an empty folder; None where its edits make no file."""
    if not lay_out(case, files, folder):
        return None
    before = oracles.digests(folder)
    ended = program.run(folder, *case.line, stop_at=case.target.stop_at)
    found = list(oracles.faults(ended, folder, before, case.line))
    if any("internal error" in fault for fault in found):
        found = [f"{fault} {_place(case, files, folder)}" for fault in found]
    if case.target.judge and not found and case.edits[0] != "sealed":
        found += case.target.judge(files, folder, ended)
    return Outcome(found, ended)


def _place(case: Case, files: Path, folder: Path) -> str:
    """Where in the program an internal error arose, from a second run that tells it."""
    shutil.rmtree(folder)
    folder.mkdir()
    lay_out(case, files, folder)
    told = program.run(folder, *case.line, "-v", stop_at=case.target.stop_at).err
    shutil.rmtree(folder)
    folder.mkdir()
    lay_out(case, files, folder)
    frames = [
        line.strip() for line in told.splitlines() if "/attnaudit/" in line and "line" in line
    ]
    if not frames:
        return "(nowhere told)"
    path, _, where = frames[-1].split(", ")
    return f"[{path.partition('/attnaudit/')[2].rstrip(chr(34))} {where}]"


def _same_records(files: Path, folder: Path, ended: program.Ended) -> Sequence[str]:
    """Records that were gone on with are those of a run that nothing has interrupted."""
    if ended.code != 0:
        return ()
    expected = (files / "whole.jsonl").read_bytes().splitlines()[1:-1]
    found = (folder / "made.jsonl").read_bytes().splitlines()[1:-1]
    return () if found == expected else ("other records than those of an undisturbed run",)


_OUT = ("-o", "made.json")
_PERMUTE = ("--permutations", "2", "--limit", "4", *_OUT, "--records", "made.jsonl")
_PLAIN = (
    _OUT,
    ("-o", "made.html"),
    ("--format", "markdown"),
    ("--format", "junit"),
    ("--format", "github"),
    ("-v",),
    ("--json",),
)
_SHOWN = (*_PLAIN, ("-v", "--show", "2"), ("-o", "made.html", "--show", "2"))


def _reports(*files: str) -> tuple[Line, ...]:
    shows = files[0].endswith(".jsonl") and "permute" not in files[0]
    return tuple(("report", *files, *how) for how in (*(_SHOWN if shows else _PLAIN), _OUT))


def _targets() -> tuple[Target, ...]:
    rows = [("data", "check", "spec.yaml"), ("data", "check", "rows.jsonl")]
    audited = ("permute", "model.pt", "rows.jsonl", *_PERMUTE)
    found = [
        Target(
            "rows-jsonl", "rows.jsonl", formats.LINES, (*rows, audited), ("spec.yaml", "model.pt")
        ),
        Target(
            "attributions",
            "scored.jsonl",
            formats.LINES,
            [
                (
                    *("correlate", "model.pt", "rows.jsonl", "--measure", "random"),
                    *("--attributions", "scored.jsonl", *_OUT),
                )
            ],
            ("rows.jsonl", "model.pt"),
        ),
        Target("rows-csv", "rows.csv", formats.CSV, [("data", "check", "rows.csv")]),
        Target("rows-tsv", "rows.tsv", formats.TSV, [("data", "check", "rows.tsv")]),
        Target("spec", "spec.yaml", formats.YAML, rows[:1], ("rows.jsonl",)),
        Target(
            "spec-audited",
            "audited.yaml",
            formats.YAML,
            [("permute", "model.pt", "audited.yaml", "--split", "test", *_PERMUTE)],
            ("rows.jsonl", "model.pt"),
            cost=2,
        ),
        Target(
            "tokenizer",
            "tokenizer.json",
            formats.JSON,
            [("data", "check", "pieces.yaml")],
            ("rows.jsonl", "pieces.yaml"),
        ),
        Target(
            "config",
            "config.yaml",
            formats.YAML,
            [
                ("train", "config.yaml", "-o", "out"),
                ("train", "config.yaml", "-o", "out", "--quiet"),
            ],
            stop_at=0,
        ),
        Target(
            "config-audit",
            "config.yaml",
            formats.YAML,
            [("audit", "config.yaml", "-o", "out")],
            stop_at=0,
        ),
        Target(
            "recipe",
            "recipe.yaml",
            formats.YAML,
            [("seed-baseline", "model.pt", "data.yaml", "--seeds", "2", "--recipe", "recipe.yaml")],
            ("model.pt", "data.yaml", "train.jsonl", "dev.jsonl", "test.jsonl"),
            stop_at=0,
            cost=2,
        ),
        Target(
            "defaults",
            "attnaudit.yaml.txt",
            formats.YAML,
            [("report", "report.json", *_OUT), ("permute",), ("data", "check", "rows.csv")],
            ("report.json", "model.pt", "test.jsonl", "rows.csv"),
            {"attnaudit.yaml.txt": "attnaudit.yaml"},
            stop_at=0,
        ),
        Target(
            "policy",
            "policy.yaml",
            formats.YAML,
            [(*line, "--policy", "policy.yaml") for line in _reports("report.json")],
            ("report.json",),
        ),
        Target(
            "baseline",
            "permute.json",
            formats.JSON,
            [("report", "now.json", "--baseline", "permute.json", *how) for how in _PLAIN],
            ("now.json",),
        ),
        Target(
            "baseline-records",
            "correlate.jsonl",
            formats.RECORDS,
            [("report", "correlate.json", "--baseline", "correlate.jsonl", *_OUT)],
            ("correlate.json",),
        ),
        Target("report", "report.json", formats.JSON, _reports("report.json")),
        Target(
            "report-gated",
            "report.json",
            formats.JSON,
            [(*line, "--policy", "policy.yaml") for line in _reports("report.json")],
            ("policy.yaml",),
        ),
        *(
            Target(f"records-{name}", f"{name}.jsonl", formats.RECORDS, _reports(f"{name}.jsonl"))
            for name in corpus.QUESTIONS
        ),
        *(
            Target(
                f"findings-{name}",
                f"{name}.jsonl",
                formats.RECORDS,
                _reports(*(f"{other}.jsonl" for other in corpus.RETRAINED))[:2],
                [f"{other}.jsonl" for other in corpus.RETRAINED if other != name],
                cost=2,
            )
            for name in corpus.RETRAINED
        ),
        Target(
            "partial",
            "half.partial",
            formats.RECORDS,
            [(*corpus.PARTIAL, "--resume")],
            ("model.pt", "data.yaml", "train.jsonl", "dev.jsonl", "test.jsonl"),
            {"half.partial": "made.jsonl.partial"},
            cost=2,
            judge=_same_records,
        ),
        Target(
            "checkpoint",
            "model.pt",
            formats.TORCH,
            [("permute", "model.pt", "test.jsonl", *_PERMUTE)],
            ("test.jsonl",),
        ),
        Target(
            "checkpoint-retrained",
            "model.pt",
            formats.TORCH,
            [("seed-baseline", "model.pt", "data.yaml", "--seeds", "2")],
            ("data.yaml", "train.jsonl", "dev.jsonl", "test.jsonl"),
            stop_at=0,
        ),
        *(
            Target(
                f"vectors{ending}",
                f"words.vec{ending}",
                form,
                [("train", "config.yaml", "--vectors", f"words.vec{ending}", "-o", "out")],
                ("config.yaml",),
                stop_at=0,
            )
            for ending, form in (("", formats.TEXT), (".gz", formats.ZIPPED))
        ),
        *(
            Target(
                f"folder-{name}",
                f"bert/{name}",
                form,
                [("permute", "bert", "rows.jsonl", *_PERMUTE)],
                ("bert", "rows.jsonl"),
                cost=4,
            )
            for name, form in (
                ("config.json", formats.JSON),
                ("tokenizer.json", formats.JSON),
                ("tokenizer_config.json", formats.JSON),
                ("model.safetensors", formats.SAFETENSORS),
            )
        ),
    ]
    return tuple(found)


TARGETS = {target.name: target for target in _targets()}
