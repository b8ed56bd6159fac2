"""Auditing a plant: what the audits that retrain record, in memory, and what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attnaudit.config import Settings
from attnaudit.execution.observer import Silent
from attnaudit.findings.assess import assess
from attnaudit.findings.basis import SEED
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.findings.rules import Deltas
from attnaudit.models.retraining import Retraining
from attnaudit.questions import find_question
from attnaudit.questions.maker import Trains
from attnaudit.questions.model_adversary import make as model_adversary
from attnaudit.questions.probe import make as probe
from attnaudit.questions.recording import Ledger
from attnaudit.questions.runs import read_runs
from attnaudit.questions.seed_baseline import make as seed_baseline
from attnaudit.records.schema import Run, run_key
from attnaudit.running.rounds import record_rounds
from tests.planted.plants import Plant

SEEDS = 5  # of the recipe, its uniform twin, and each probe
ADVERSARIES = model_adversary.ModelSettings(lambdas=(0.002, 0.08), seeds=6, epochs=12, patience=5)


class Notebook:
    """Records in memory, for audits that would write them to a file."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []
        self._done: dict[str, set[int]] = {}

    def done_in(self, run: Run | None) -> set[int]:
        """The rows that a run has records of."""
        return self._done.get(run_key(run), set())

    def records(self) -> Iterator[dict[str, Any]]:
        """All records so far, by run in the order of their first one, then by row."""
        order = {run: place for place, run in enumerate(self._done)}
        return iter(sorted(self._records, key=lambda r: (order[run_key(r["run"])], r["row"])))

    def write(self, batch: Iterable[dict[str, Any]]) -> None:
        """Take in records as they are made."""
        for record in batch:
            self._done.setdefault(run_key(record["run"]), set()).add(record["row"])
            self._records.append(record)


class Auditing:
    """The audits of one plant that retrain, each run when it is asked for and only then."""

    def __init__(self, retraining: Retraining) -> None:
        self.retraining = retraining
        self._books: dict[str, Notebook] = {}

    def run(self, *audits: str) -> Auditing:
        """Run these audits: seed-baseline, adversary, probe."""
        for audit in audits:
            book = self._books[audit] = Notebook()
            record_rounds(
                self._trains(audit),
                self.retraining,
                Ledger("test"),
                self._settings(audit),
                book,
                Silent(),
            )
        return self

    @property
    def evidence(self) -> Evidence:
        """What they have recorded."""
        return Evidence(
            labels=self.retraining.spec.labels,
            audited="test",
            partial=False,
            scope="a planted model",
            runs={name: read_runs(book.records()) for name, book in self._books.items()},
        )

    def _trains(self, audit: str) -> Trains:
        trains = find_question(audit).maker.trains
        assert trains is not None
        return trains

    def _settings(self, audit: str) -> Settings:
        first = self.retraining.schedule.seed
        if audit == "seed-baseline":
            return seed_baseline.SeedBaselineSettings(seeds=SEEDS, seed=first)
        if audit == "probe":
            return probe.ProbeSettings(seeds=SEEDS, seed=first)
        dev = self.evidence.of("seed-baseline", "dev")
        assert dev is not None  # the seeds come first: they say how close is close
        mean = float(dev.values(SEED, dev.seeds(model="seed"), "tvd").mean())
        seeds = model_adversary.SeedsTvd(tvd=mean, model_sha256=None, data_sha256=None)
        return ADVERSARIES.model_copy(update={"seed": first, "seeds_tvd": seeds})


FEEDS: dict[FindingName, tuple[str, ...]] = {
    "necessary": (),
    "hard_to_manipulate": ("model-adversary",),
    "out_of_context": ("probe",),
}


def audit_plant(plant: Plant, seed: int) -> dict[FindingName, Finding]:
    """The findings on one plant, grown from a seed.

    What the seeds settle alone is not audited further, and no finding without an expectation is:
    neither would change the others.
    """
    auditing = Auditing(plant.grow(seed)).run("seed-baseline")
    findings = assess(auditing.evidence, Deltas())
    if findings["necessary"].status not in ("against", "not_assessed"):
        auditing.run(*(audit for name in plant.expected for audit in FEEDS[name]))
        findings = assess(auditing.evidence, Deltas())
    return {name: findings[name] for name in plant.expected}
