"""What an audit will do, in names and values that two runs can be compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attnaudit
from attnaudit.data.eraser import documents_sha256
from attnaudit.data.loading import splits_of
from attnaudit.data.reader import file_sha256
from attnaudit.data.spec import SPEC_SUFFIXES, DatasetSpec, load_spec
from attnaudit.errors import OutputError
from attnaudit.execution.code import code_digest
from attnaudit.execution.files import sha256_file, write_text
from attnaudit.models.recipe import AnyConfig, Overrides, read_config
from attnaudit.models.untrained import origin
from attnaudit.report.demands import Demands
from attnaudit.report.lock import Planned, dumps
from attnaudit.running.plans import Plan
from attnaudit.running.work import Work


def planned_training(config: AnyConfig, plan: Plan, demands: Demands | None) -> Planned:
    """What `audit CONFIG` will do. Raises InputError for what cannot be read."""
    found: Planned = {**_shared(plan, demands), **_of_recipe(config)}
    if config.split is not None:
        found |= {"data.split": config.split, "data.split_seed": config.split_seed}
    if isinstance(config.data, Path):
        return found | _of_data(config.data, load_spec(config.data))
    return found | _flat("data", config.model_dump(mode="json")["data"])


def planned_model(work: Work, plan: Plan, demands: Demands | None) -> Planned:
    """What `audit MODEL` will do; `work` is about that model and its data."""
    job = work.job
    found: Planned = {
        **_shared(plan, demands),
        "model": str(work.loaded.facts["sha256"]),
        "split": work.data.split,
        "limit": job.limit,
        "unit": "piece" if job.pieces else "word",
        "dtype": job.dtype,
        "seed": job.seed,
        **({} if job.label is None else {"label": job.label}),
    }
    if job.recipe is not None:
        found |= _of_recipe(read_config(job.recipe, Overrides(data=job.data)))
    return found | _of_data(job.data, work.spec)


def check_new(path: Path) -> None:
    """Raise OutputError where a lock file stands already: it is a promise."""
    if path.exists():
        raise OutputError(
            "already exists, and a locked plan is never replaced",
            where=path,
            hint="give another file; or leave out --dry-run, to compare a run with this plan",
        )


def write_lock(path: Path, planned: Planned, command_line: Sequence[str]) -> str:
    """Write the lock file; its SHA-256."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    write_text(path, dumps(planned, attnaudit.__version__, now, list(command_line)))
    return sha256_file(path)


def _shared(plan: Plan, demands: Demands | None) -> Planned:
    policy = demands.policy.path if demands and demands.policy else None
    baseline = demands.baseline.path if demands and demands.baseline else None
    found: Planned = {
        "attnaudit": attnaudit.__version__,
        "code": _code(),
        "policy": None if policy is None else sha256_file(policy),
        "baseline": None if baseline is None else sha256_file(baseline),
        "tests": ", ".join(question.name for question in plan.questions),
        "text": plan.text,
        **_flat("deltas", plan.deltas.model_dump(mode="json")),
    }
    for name, settings in plan.settings.items():
        found |= _flat(name, settings.model_dump(mode="json"))
    return found


def _of_recipe(config: AnyConfig) -> Planned:
    """How models are trained; what training begins from is named by its digest, not its place."""
    told = config.model_dump(mode="json", exclude={"output", "data", "split", "split_seed"})
    begun = origin(config)
    if "vectors_sha256" in begun:
        del told["vectors"]["file"]
    if "pretrained_sha256" in begun:
        del told["model"]["pretrained"], told["model"]["revision"]
    return _flat("recipe", {**told, **begun})


def _of_data(source: Path, spec: DatasetSpec) -> Planned:
    """The SHA-256 of the spec and of each file that it names."""
    found: Planned = {}
    if source.suffix.lower() in SPEC_SUFFIXES:
        found["data.spec"] = sha256_file(source)
    files = (
        {"file": spec.file} if spec.file else {name: spec.path(name) for name in splits_of(spec)}
    )
    if spec.docs is not None:
        found["data.docs"] = documents_sha256(spec.docs)
    return found | {f"data.{name}": file_sha256(path) for name, path in files.items()}


def _code() -> str:
    """The digest of the whole program; comments and texts for people do not count."""
    folder = Path(attnaudit.__file__).parent
    names = []
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        if parts[-1] != "__init__":
            names.append(".".join(parts))
    return code_digest(*sorted(names))


def _flat(name: str, value: Any) -> Planned:
    """A nested value as values by dotted names; a list is one value, in words."""
    if isinstance(value, Mapping):
        return {k: v for key, one in value.items() for k, v in _flat(f"{name}.{key}", one).items()}
    if isinstance(value, (list, tuple)):
        if any(isinstance(one, (Mapping, list, tuple)) for one in value):
            return {
                k: v for i, one in enumerate(value) for k, v in _flat(f"{name}.{i}", one).items()
            }
        return {name: ", ".join(map(str, value))}
    return {name: value}
