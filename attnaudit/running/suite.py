"""All audits of one training configuration, into one folder, going on where they stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pydantic

from attnaudit.config import Settings, read_document
from attnaudit.errors import InputError
from attnaudit.execution.engines import open_engine
from attnaudit.execution.files import check_folder, output_errors, write_text
from attnaudit.execution.observer import Observer
from attnaudit.findings.rules import Deltas
from attnaudit.importance.asked import check_measures
from attnaudit.models.recipe import AnyConfig, Overrides, read_config
from attnaudit.models.untrained import suffix_of
from attnaudit.questions.adversary import AdversarySettings
from attnaudit.questions.audit import find_audit
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.model_adversary.seeds_tvd import read_seeds_tvd
from attnaudit.questions.model_adversary.strengths import GRID, ROUNDS, STRONG
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.probe.guides import read_guides
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.runs import read_runs
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.records.reading import read_records
from attnaudit.report.combine import Combined, combine
from attnaudit.report.demands import Demands
from attnaudit.report.schema import dumps
from attnaudit.running.job import Job
from attnaudit.running.run import audited_facts, make_records, run_training

# seed-baseline comes first: the adversary's sweep closes in on its TVD, and probes are guided by
# an adversary.
Name = Literal["seed-baseline", "correlate", "permute", "erase", "adversary", "probe"]
ORDER: tuple[Name, ...] = (
    "seed-baseline",
    "correlate",
    "permute",
    "erase",
    "adversary",
    "probe",
)


class Plan(Settings):
    """The `audit:` part of a training configuration: settings of each audit, all with defaults."""

    skip: tuple[Name, ...] = ()
    text: bool = pydantic.Field(False, description="keep the words: heatmaps need them")
    deltas: Deltas = Deltas()
    correlate: CorrelateSettings = CorrelateSettings()
    permute: PermuteSettings = PermuteSettings()
    erase: EraseSettings = EraseSettings()
    seed_baseline: SeedBaselineSettings = pydantic.Field(
        SeedBaselineSettings(seeds=5), alias="seed-baseline"
    )
    adversary: AdversarySettings = AdversarySettings(lambdas=GRID, refine=ROUNDS)
    probe: ProbeSettings = ProbeSettings()

    @pydantic.field_validator("skip")
    @classmethod
    def _leaves_some(cls, skip: tuple[Name, ...]) -> tuple[Name, ...]:
        if set(ORDER) <= set(skip):
            raise ValueError("leaves no audit to run")
        return skip

    @property
    def audits(self) -> tuple[Name, ...]:
        """The audits to run, in the order in which they build on each other."""
        return tuple(name for name in ORDER if name not in self.skip)


@dataclass(frozen=True)
class Where:
    """Where a suite computes."""

    device: str = "auto"
    threads: int = 1
    workers: int = 1
    cluster: str | None = None


def read_plan(path: Path, overrides: Overrides) -> tuple[AnyConfig, Plan]:
    """The training configuration in `path` and the plan in it; raises InputError."""
    config = read_config(path, overrides)
    document = read_document(path)
    if document.mapping.get("audit") is None:
        return config, Plan()
    plan = document.parse(Plan, ("audit",))
    for name in ("correlate", "erase"):  # found now, not hours later when the audit's turn comes
        try:
            check_measures(getattr(plan, name).measures or ())
        except InputError as error:
            line = document.line(("audit", name, "measures"))
            raise InputError(error.what, where=path, line=line, hint=error.hint) from None
    return config, plan


def run_suite(
    config: AnyConfig,
    plan: Plan,
    where: Where,
    demands: Demands | None,
    observer: Observer,
    command_line: Sequence[str],
) -> Combined:
    """Train, run every audit of the plan, and combine their records into one report.

    In the output folder stand the model and `train.json`, `records/NAME.jsonl`, the adversaries,
    and `report.json`. What is there already of the same run is not made again.

    Raises InputError, ModelError or OutputError.
    """
    folder = check_places(config)
    with (
        open_engine(where.workers, where.cluster, observer) as engine,
        observer.task("audit", 1 + len(plan.audits)) as task,
    ):
        fitted, report = run_training(
            config, where.device, where.threads, observer, True, command_line, reuse=True
        )
        if demands:
            demands.check("report", audited_facts(fitted.data))
        write_text(folder / "train.json", dumps(report))
        records = folder / "records"
        with output_errors(records):
            records.mkdir(exist_ok=True)
        task.advance(1)
        for name in plan.audits:
            job = Job(
                model=str(fitted.checkpoint),
                data=fitted.data,
                device=where.device,
                threads=where.threads,
                workers=where.workers,
                cluster=where.cluster,
                records=records / f"{name}.jsonl",
                reuse=True,
                models=folder / "adversaries",
                command_line=command_line,
            )
            settings = settings_of(plan, name, folder, suffix_of(config))
            make_records(find_audit(name), settings, job, engine, observer)
            task.advance(1)
    paths = [records / f"{name}.jsonl" for name in plan.audits]
    combined = combine(paths, demands, plan.deltas, command_line)
    write_text(folder / "report.json", dumps(combined.report))
    return combined


def check_places(config: AnyConfig) -> Path:
    """The output folder of a suite; raises OutputError where its parts could not be written."""
    folder = config.output
    assert folder is not None  # read_config has seen to it
    for name in ("records", "adversaries"):
        check_folder(folder / name)
    return folder


def settings_of(plan: Plan, name: Name, folder: Path | None, suffix: str) -> Settings:
    """The settings of an audit, with what earlier ones have found that stand in `folder`."""
    settings: Settings = getattr(plan, name.replace("-", "_"))
    changed: dict[str, object] = {}
    if plan.text and "text" in type(settings).model_fields:
        changed["text"] = True
    if folder is None:
        return settings.model_copy(update=changed)
    records = folder / "records"
    if name == "adversary" and plan.adversary.refine and "seed-baseline" in plan.audits:
        changed["seeds_tvd"] = read_seeds_tvd(records / "seed-baseline.jsonl")
    if name == "probe" and "adversary" in plan.audits:
        guide = _strongest(records / "adversary.jsonl", folder / "adversaries", suffix)
        if guide is not None:
            changed["guides"] = (*plan.probe.guides, *read_guides([f"adversary={guide}"]))
    return settings.model_copy(update=changed)


def _strongest(records: Path, folder: Path, suffix: str) -> Path | None:
    """The checkpoint of the adversary that guides a probe; None where none was kept.

    As in Wiegreffe & Pinter's Table 4: of those with a mean JSD above .4 the one with the least
    TVD, on dev; where there is none, the one with the largest JSD.
    """
    dev = read_runs(read_records(records)[1]).get("dev")
    if dev is None:
        return None
    found = []
    for kind, models in dev.models.items():
        strength = dict(kind).get("lambda")
        for seed, columns in models.items() if strength else ():
            path = folder / f"lambda{strength!r}-seed{seed}{suffix}"
            jsd, tvd = (sum(x) / len(x) for x in (columns.jsd, columns.tvd))
            if path.exists():
                found.append((jsd, tvd, path))
    strong = [one for one in found if one[0] > STRONG]
    if strong:
        return min(strong, key=lambda one: one[1])[2]
    return max(found)[2] if found else None
