"""`attnaudit.audit`: runs tests on a model, as the commands do."""

from __future__ import annotations

import datetime
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attnaudit.api.asked import Asked, asked_of
from attnaudit.api.audited import Audit
from attnaudit.api.rows import IN_MEMORY, Data, as_file
from attnaudit.errors import InputError, did_you_mean
from attnaudit.execution.observer import Observer, Silent
from attnaudit.report.demands import Demands, read_demands
from attnaudit.running.job import VERIFIED, Job

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from attnaudit.models.load import Source
    from attnaudit.report.combine import Combined
    from attnaudit.report.schema import Report

_DTYPES = ("float32", "float64", "bfloat16", "float16")


def audit(
    model: str | Path | tuple[PreTrainedModel, PreTrainedTokenizerBase],
    data: Data,
    questions: Sequence[str] | None = None,
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    policy: str | Path | None = None,
    baseline: str | Path | None = None,
    attributions: Sequence[str | Path] = (),
    records: str | Path | None = None,
    resume: bool = False,
    recipe: str | Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    label: str | None = None,
    unit: Literal["word", "piece"] = "word",
    text: bool = False,
    show: int = 0,
    seed: int = 0,
    verify: int | Literal["all"] = VERIFIED,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    dtype: Literal["float32", "float64", "bfloat16", "float16"] | None = None,
    revision: str | None = None,
    batch_tokens: int | None = None,
    threads: int = 1,
    workers: int = 1,
    observer: Observer | None = None,
) -> Audit:
    """Run tests on a model and a split of a data set, and weigh the results.

    This does the same as the commands `correlate`, `permute`, `erase`, `adversary` and so on.
    Options have the same names. It prints nothing and sets no exit code.

    Args:
        model: what a command takes as MODEL: a model.pt, a Hugging Face folder or hub id, or
            "package.module:factory". Or a pair (model, tokenizer) of transformers, which is checked
            by the same laws and is not changed.
        data: what a command takes as DATA: a file of rows or a dataset spec. Or a mapping with the
            content of a spec. Or rows: mappings with `text` and `label`, or pairs (text, label).
            Rows are written to a temporary file, which is removed afterwards.
        questions: names of questions or of their commands. By default the questions that describe
            the model and train no other: correlate, permute, erase and the per-text adversary.
        settings: the options of each command, as under `audit:` in a configuration:
            {"permute": {"permutations": 10}}.
        policy: a policy file; the report is checked against its gates.
        baseline: an older report or records to compare with.
        attributions: files with the scores that other tools gave to the words, as with
            --attributions.
        records: the file for the records, as with --records. With several questions, each gets a
            file of its own next to it. By default the records are temporary, and are removed
            together with the result.
        resume: continue from the `records` of an interrupted run.
        recipe: the training configuration, for questions that train models of the same recipe.
        split: train, dev, test or all; by default as the commands choose.
        limit: how many texts to audit at most; the report is then partial.
        label: of a model that gives several labels to a text, the one to audit, as a yes or no.
        unit: word or piece: attention is summed over this unit, and it is deleted as a whole.
        text: keep the words in the records. Without it no word of the data is in any result.
        show: keep heatmaps of this many texts, with their words, so that the result can show them.
        seed: the seed of all random choices.
        verify: how many texts to check the model on before the work, beside all unusual texts.
        device: the device; by default a model in memory stays on its device.
        dtype: the number format; by default float32, or for a model in memory its own format.
        revision: branch, tag or commit of a hub model.
        batch_tokens: how many tokens are computed at once; by default 4096 on a CPU, and on a GPU
            as many as its memory holds, up to 65536.
        threads: CPU threads; the last digits depend on it.
        workers: processes that share the work; only for models and data in files.
        observer: gets progress and remarks; with None, remarks are kept in the result.

    Raises:
        InputError: an argument, the data or a policy cannot be used.
        ModelError: the model cannot be audited, or breaks a law that the audits rely on.
        OutputError: the records cannot be written.
    """
    asked = asked_of(questions, settings or {}, text, seed, list(map(str, attributions)))
    if resume and records is None:
        raise InputError("resume needs the records of the run that was interrupted")
    demands = _demands(policy, baseline)
    kept = None
    if records is None:
        kept = Folder()
        records = kept.path / "records.jsonl"
    job = Job(
        model=str(model) if isinstance(model, (str, Path)) else IN_MEMORY,
        data=Path(IN_MEMORY),
        split=split,
        limit=_at_least("limit", limit, 1),
        device=_one_of("device", device, ("auto", "cpu", "cuda", "mps")),
        threads=_at_least("threads", threads, 1),
        workers=_at_least("workers", workers, 1),
        dtype=_one_of("dtype", dtype or "float32", _DTYPES),
        revision=revision,
        label=label,
        batch_tokens=_at_least("batch_tokens", batch_tokens, 1),
        pieces=_one_of("unit", unit, ("word", "piece")) == "piece",
        seed=_at_least("seed", seed, 0),
        records=Path(records),
        resume=resume,
        recipe=None if recipe is None else Path(recipe),
        verify=None if verify == "all" else _at_least("verify", verify, 0),
        command_line=("attnaudit.audit",),
    )
    heard = Heard()
    made = _ask(asked, model, data, job, dtype, demands, observer or heard, show)
    files = [job.records_of(question.name, len(asked)) or Path(records) for question, _ in asked]
    if kept is not None:
        made = replace(made, report=_without(made.report, files))
    return Audit(made, dict(zip((q.name for q, _ in asked), files, strict=True)), heard.told, kept)


def _ask(
    asked: Asked,
    model: Any,
    data: Data,
    job: Job,
    dtype: str | None,
    demands: Demands | None,
    observer: Observer,
    show: int,
) -> Combined:
    """Ask the questions as `job` says, of a model and data in files or in memory.

    A model in memory keeps its own number format where no `dtype` is asked for.
    """
    from attnaudit.execution.borrowed import borrowed
    from attnaudit.running.run import ask_questions
    from attnaudit.running.viewer import Viewer
    from attnaudit.running.work import Given

    viewer = Viewer(show) if show else None
    with borrowed(), as_file(data) as named:
        source = None if isinstance(model, (str, Path)) else _source(model)
        _check_alone(asked, job.workers, source is not None or named.file is not None)
        job = replace(job, data=named.name)
        if source is not None:
            job = _as_it_is(replace(job, model=source.name), model[0], dtype)
        return ask_questions(asked, job, demands, observer, viewer, Given(source, named.file))


class Folder:
    """A temporary folder that is removed when nothing refers to it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="attnaudit-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Heard(Silent):
    """Keeps remarks, to show them later."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, remark: str) -> None:
        """Keep it."""
        self.told.append(remark)


def _source(model: Any) -> Source:
    """A pair of network and tokenizer as a model; raises InputError for anything else."""
    if not isinstance(model, (tuple, list)) or len(model) != 2:
        raise InputError(
            f"model is a {type(model).__name__}",
            hint="give a path, a hub id, package.module:factory, or a pair (model, tokenizer)",
        )
    from attnaudit.models.transformer.in_memory import source_of

    return source_of(*model)


def _as_it_is(job: Job, network: Any, dtype: str | None) -> Job:
    """The job where the network is, and in its own number format, where nothing else is asked."""
    device = network.device.type if job.device == "auto" else job.device
    own = str(network.dtype).removeprefix("torch.")
    return replace(job, device=device, dtype=dtype or own)


def _check_alone(asked: Asked, workers: int | None, in_memory: bool) -> None:
    """Raise InputError where others would have to load what only this program has."""
    if not in_memory:
        return
    what = "a model or data in memory"
    if workers is not None and workers > 1:
        raise InputError(
            f"workers: {what} cannot be shared with other processes",
            hint="leave workers out, or save both and give their paths",
        )
    trained = next((question.name for question, _ in asked if question.retrains), None)
    if trained is not None:
        raise InputError(
            f"{trained} trains models, which is not possible with {what}",
            hint="save both, and give their paths and a recipe",
        )


def _demands(policy: str | Path | None, baseline: str | Path | None) -> Demands | None:
    first, second = (None if path is None else Path(path) for path in (policy, baseline))
    return read_demands(first, second, datetime.date.today())


def _at_least(name: str, value: Any, least: int) -> Any:
    if value is not None and (type(value) is not int or value < least):
        raise InputError(f"{name} should be a whole number from {least}, not {value!r:.60}")
    return value


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InputError(
            f"{name} is {value!r:.60}, but must be one of {', '.join(choices)}",
            hint=did_you_mean(str(value), choices),
        )
    return str(value)


def _without(report: Report, files: Sequence[Path]) -> Report:
    """The report without the names of files that nobody will find."""
    gone = set(map(str, files))
    left = {name: digest for name, digest in report.manifest.files.items() if name not in gone}
    manifest = report.manifest.model_copy(update={"files": left})
    return report.model_copy(update={"manifest": manifest})
