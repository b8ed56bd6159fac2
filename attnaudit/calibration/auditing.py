"""Auditing a plant as `attnaudit audit` audits a model: with the same questions and settings."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from attnaudit.calibration.checks import check
from attnaudit.calibration.plant import CheckName, Expected, Plant
from attnaudit.calibration.saving import SUFFIX
from attnaudit.calibration.written import Written
from attnaudit.config import Settings
from attnaudit.execution.observer import Silent
from attnaudit.findings.assess import assess
from attnaudit.findings.evidence import Evidence, gather
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.findings.rules import Deltas
from attnaudit.models.interface import capability
from attnaudit.models.retraining import Retraining
from attnaudit.questions import all_questions
from attnaudit.questions.model_adversary.earlier import SEEDS
from attnaudit.questions.opening import open_records
from attnaudit.questions.question import Earlier, Question
from attnaudit.questions.recording import Ledger
from attnaudit.questions.runs import Runs, read_runs
from attnaudit.records.manifest import collect
from attnaudit.records.schema import DatasetFacts, Header, ModelFacts
from attnaudit.records.writing import RecordsWriter
from attnaudit.running.rounds import record_rounds

ADVERSARIES = "adversaries"  # the folder of the trained models that attend otherwise
# What each finding rests on besides seed-baseline.
FEEDS: Mapping[FindingName, tuple[str, ...]] = {
    "necessary": (),
    "stable": (),
    "hard_to_manipulate": ("model-adversary",),
    "out_of_context": ("probe",),
}
SETTLED = ("against", "not_assessed")  # what `necessary` says where the others are not assessed


def settings_of(question: Question, seed: int) -> Settings:
    """What a suite asks of a question where its configuration says nothing, with a first seed."""
    usual = {switch.key: switch.default for switch in question.switches}
    chosen = question.choose({**usual, **question.suite})
    assert chosen is not None  # a suite asks every question unless it is told to skip it
    fields = question.settings.model_fields
    given = {name: value for name, value in chosen.items() if name in fields}
    return question.settings.model_validate({**given, "seed": seed}, strict=False)


class Auditing:
    """The questions that train models, asked of one plant in a folder, as a suite does.

    `name` is the name of the plant, and `seed` the seed that generated it.
    """

    def __init__(self, retraining: Retraining, folder: Path, name: str, seed: int) -> None:
        self.retraining, self.folder = retraining, folder
        self._name, self._digest = name, hashlib.sha256(f"{name} {seed}".encode()).hexdigest()
        self._records: dict[str, Path] = {}
        self._read: dict[str, tuple[Header, Mapping[str, Runs]]] = {}

    def ask(self, names: Iterable[str]) -> Auditing:
        """Ask these questions, in the order of a suite; what was asked before stands."""
        wanted = set(names) - self._records.keys()
        for question in all_questions():
            if question.name in wanted:
                self._ask(question)
        return self

    @property
    def evidence(self) -> Evidence:
        """What they have recorded."""
        found = gather(self._read.values())
        assert found is not None
        return found

    def _ask(self, question: Question) -> None:
        trains = question.maker.trains
        assert trains is not None
        settings = question.build_on(
            settings_of(question, self.retraining.schedule.seed),
            Earlier(dict(self._records), self.folder / ADVERSARIES, SUFFIX),
        )
        header = self._header(question, settings)
        path = self.folder / f"{question.name}.jsonl"
        ledger = self._ledger(question)
        with RecordsWriter(path, header, kind=question.kind) as writer:
            record_rounds(trains, self.retraining, ledger, settings, writer, Silent())
            writer.finish()
        self._records[question.name] = path
        resampling: int = getattr(settings, "seed", 0)
        self._read[question.name] = (header, read_runs(open_records(path), resampling))

    def _ledger(self, question: Question) -> Ledger:
        """What a suite tells a question about its records."""
        folder = {"seed-baseline": SEEDS, "model-adversary": ADVERSARIES}.get(question.name)
        return Ledger(
            "test",
            models=None if folder is None else self.folder / folder,
            model_sha256=self._digest,
            data_sha256=self._digest,
        )

    def _header(self, question: Question, settings: Settings) -> Header:
        now = datetime.now(timezone.utc)
        shown = settings.model_dump(mode="json")
        told = {"name": self._name, "sha256": self._digest, **self._facts()}
        model = ModelFacts.model_validate(told)
        test = self.retraining.splits["test"]
        data = DatasetFacts(
            name="planted", sha256=self._digest, split="test", instances=len(test.instances)
        )
        seeds = [self.retraining.schedule.seed]
        manifest = collect((), shown, seeds, now, None, "cpu", "float32", 1, {})
        return Header(
            audit=question.name, settings=shown, model=model, dataset=data, manifest=manifest
        )

    def _facts(self) -> dict[str, JsonValue]:
        labels: list[JsonValue] = list(self.retraining.spec.labels)
        if isinstance(self.retraining.fresh, Written):
            return {"kind": "transformer", "labels": labels, **self.retraining.fresh.facts}
        facts: dict[str, JsonValue] = {"kind": "plugin", "labels": labels}
        supervised = capability(self.retraining.base, "penalty") is not None
        return {**facts, "supervised": True} if supervised else facts


def audit_plant(name: str, plant: Plant, seed: int) -> dict[str, str]:
    """What is found on a plant that a seed generates: a status for all that is expected.

    What the seeds settle alone is not audited further, and no finding without an expectation is:
    neither would change the others.
    """
    retraining = plant.grow(seed)
    found: dict[str, str] = {}
    if any(one in FEEDS for one in plant.expected):
        with tempfile.TemporaryDirectory(prefix="attnaudit-") as folder:
            auditing = Auditing(retraining, Path(folder), name, seed)
            found.update(
                (one, str(finding.status))
                for one, finding in _assess(auditing, plant.expected).items()
            )
    for one in plant.expected:
        if one not in FEEDS:
            asked: Any = one
            found[one] = _answer(asked, retraining)
    return found


def _assess(auditing: Auditing, expected: Expected) -> dict[FindingName, Finding]:
    names = [name for name in FEEDS if name in expected]
    findings = assess(auditing.ask(["seed-baseline"]).evidence, Deltas())
    needed = {question for name in names for question in FEEDS[name]}
    if expected.get("out_of_context") == "for":
        needed.add("model-adversary")  # as a guide it can take a *for* away, and nothing else
    if needed and findings["necessary"].status not in SETTLED:
        findings = assess(auditing.ask(needed).evidence, Deltas())
    return {name: findings[name] for name in names}


def _answer(name: CheckName, retraining: Retraining) -> str:
    said = check(name, retraining)
    return "not judged" if said is None else "yes" if said else "no"
