"""What each finding would take that an audit without trainings cannot assess: hours and trainings.

The estimate is that of `--dry-run`. It is kept beside the report, and made again only where model,
data, settings or code have changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import pydantic

from attnaudit.config import Settings
from attnaudit.data.loading import splits_of
from attnaudit.errors import AuditError, InputError
from attnaudit.execution.choosing import Choosing
from attnaudit.execution.files import write_text
from attnaudit.execution.observer import Observer, Silent
from attnaudit.execution.units import Engine
from attnaudit.findings.finding import FindingName
from attnaudit.inputs import read_text
from attnaudit.report.listing import listed
from attnaudit.running.existing import Existing, whole_data
from attnaudit.running.planning.dry_run import plan_part
from attnaudit.running.planning.forecast import Memory
from attnaudit.running.planning.plan import Part, total
from attnaudit.running.planning.words import span_words
from attnaudit.running.suite import settings_of
from attnaudit.running.work import Work

# The questions whose records a finding rests on.
RESTS_ON: Mapping[FindingName, tuple[str, ...]] = {
    "necessary": ("seed-baseline",),
    "stable": ("seed-baseline",),
    "hard_to_manipulate": ("seed-baseline", "model-adversary"),
    "out_of_context": ("seed-baseline", "probe"),
}
FILE = "estimate.json"
RECIPE = (
    "A recipe is the training configuration, a YAML file. It gives the architecture, or the "
    "pretrained model that was fine-tuned, and the epochs, batch size, learning rate and seed "
    "of the training."
)


class Estimate(Settings):
    """What the questions that train models would do, and the digest of what that depends on."""

    key: str
    parts: tuple[Part, ...]


def what_findings_take(
    asked: Existing, first: Work, engine: Engine, observer: Observer
) -> dict[FindingName, str]:
    """For each finding what assessing it would take, in words; `first` is a work of the audit."""
    if first.loaded.model.many_rows:
        return _once(
            "It rests on the one row of attention that an answer is read from, and the head of this"
            f" model reads more: {first.loaded.model.site}. Findings are not offered for that."
        )
    if first.job.prompt is not None:
        return _once(
            "It compares models that are trained for the same task. A language model that is asked"
            " by prompt was not trained for this one."
        )
    if first.job.label is not None:
        return _once(
            "It needs more models that are trained like this one. attnaudit trains only models that"
            " give one class to a text, and this one gives several labels."
        )
    if first.loaded.config is None:
        return _once(_without_recipe(first))
    try:
        parts = {part.name: part for part in _parts(asked, first, engine, observer)}
    except AuditError as error:
        what = f"It trains models, which is not possible here: {error.what}."
        what += "" if error.hint is None else f" What to do: {error.hint}."
        return _once(what)
    return {
        name: _in_words([parts[need] for need in needs])
        for name, needs in RESTS_ON.items()
        if parts.keys() >= set(needs)
    }


def _once(what: str) -> dict[FindingName, str]:
    """What holds for all findings, said with the first of them."""
    first, *others = RESTS_ON
    plain = first.replace("_", " ")
    return {first: what, **dict.fromkeys(others, f"It needs the same as {plain}.")}


def _without_recipe(work: Work) -> str:
    """What to do where nobody says how the model was trained."""
    said = (
        "It needs more models that are trained like this one, but the model does not say how "
        f"it was trained. {RECIPE} Give it with --recipe train.yaml. Add --dry-run to see first "
        "how many hours and trainings this takes."
    )
    if work.loaded.facts["kind"] == "plugin":
        said += " The plug-in also needs a method `fresh(seed)`, which gives an untrained model."
    lacking = [name for name in ("train", "dev") if name not in splits_of(work.spec)]
    if lacking:
        said += f" The data also need a {listed(lacking)} split: name the files in a dataset spec."
    return said


def _in_words(parts: Sequence[Part]) -> str:
    counts = [sum(training.count for training in part.trainings) for part in parts]
    shares = [f"{n} for {part.name}" for n, part in zip(counts, parts, strict=True)]
    of = f" ({listed(shares)})" if len(parts) > 1 else f" ({parts[0].name})"
    return (
        f"It takes {sum(counts)} trainings{of} with the recipe in the model: "
        f"{span_words(total(part.seconds for part in parts))} on this machine, as --dry-run "
        "estimates. Run the audit again with --train to get it."
    )


def _parts(asked: Existing, first: Work, engine: Engine, observer: Observer) -> Sequence[Part]:
    """What the questions beyond the plan would do; raises what they would refuse."""
    beyond = asked.beyond
    assert beyond is not None
    begun = perf_counter()
    subject = whole_data(asked, first, observer)
    works = [
        subject.work(question, settings_of(beyond, question, None), Silent())
        for question in beyond.questions
    ]
    if not works:
        return ()
    told = [work.header.digest for work in works] + [first.job.workers, first.job.threads]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    path = asked.folder / FILE
    known = _known(path)
    if known is not None and known.key == key:
        return known.parts
    if isinstance(engine, Choosing):
        engine = Choosing(Silent())  # nothing of it is done now
    loading, memory = perf_counter() - begun, Memory(first.device)
    names, parts = [work.question.name for work in works], []
    with observer.task("estimate", len(works)) as task:
        for work in works:
            alike = work.maker.alike(work.settings, names)
            parts.append(plan_part(work, engine, loading, memory, alike=alike, asked=names))
            task.advance(1)
    made = Estimate(key=key, parts=tuple(parts))
    write_text(path, made.model_dump_json(indent=2) + "\n")
    return made.parts


def _known(path: Path) -> Estimate | None:
    """The estimate that stands there; None where there is none that can be read."""
    if not path.is_file():
        return None
    try:
        return Estimate.model_validate_json(read_text(path))
    except (InputError, pydantic.ValidationError):
        return None
