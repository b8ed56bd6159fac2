"""From the heatmaps of a report to a page on which their weights can be moved.

The model and the data are those that the records name. They must be the same as when the records
were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from attnaudit.data.batch import OUTSIDE, Batch, collate
from attnaudit.data.instance import Instance
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.observer import Observer
from attnaudit.models.interface import AttentionModel, Encoded, capability
from attnaudit.models.programs import Program
from attnaudit.models.references import is_plugin
from attnaudit.models.tracing import UntraceableError, trace
from attnaudit.questions import find_question
from attnaudit.questions.gallery import Gallery, Heatmap
from attnaudit.records.schema import Header
from attnaudit.report.interactive.content import Movable, Movables
from attnaudit.running.job import Job
from attnaudit.running.work import Work, load_works

MOST_NUMBERS = 20_000_000  # of a page, which then has about 110 MB
CLOSE = 1e-4  # how far a program may be from the model, in a logit


def movables(header: Header, gallery: Gallery, observer: Observer) -> Movables:
    """What the page needs to answer as the model does, for each text of the `gallery`.

    `header` is that of records of the texts. A program for the part of the model that lies above
    the audited attention is written for each text, and compared with the model under its own, even
    and random weights.

    Raises InputError where the model or the data are no longer those of the records, or the texts
    of the gallery are not in them; ModelError where what lies above the attention cannot be written
    as a program, or is too large for a page.
    """
    if header.model.site is not None:
        several = header.model.one_row  # kinds of attention
        kind = "a row that has one kind of attention" if several else "one row"
        raise InputError(
            f"the page moves the weights of {kind}, and the records are of {header.model.site}",
            where=header.model.name,
            hint="leave --interactive out"
            + ("" if several else ", or make the records without --layer"),
        )
    work = _again(header, observer)
    by_id: dict[str, Instance] = {instance.id: instance for instance in work.data.instances}
    shared = _Shared()
    texts = []
    for heatmap in gallery.heatmaps:
        if heatmap.id not in by_id:
            raise InputError(f"has no text {heatmap.id!r}", where=work.data.path)
        texts.append(_movable(work, by_id[heatmap.id], heatmap, shared))
    arrays = [tensor.cpu().float().numpy() for tensor in shared.tensors]
    linear = capability(work.loaded.model, "token_logits") is not None
    made = Movables(texts, arrays, linear)
    if made.numbers > MOST_NUMBERS:
        raise ModelError(
            f"the part of it above the audited attention has {made.numbers:,} numbers, but a "
            f"page can have at most {MOST_NUMBERS:,}",
            where=work.job.model,
            hint="give a smaller model, or show fewer texts with --show",
        )
    return made


def _again(header: Header, observer: Observer) -> Work:
    """The model and the data that records were made of."""
    _check_places(header)
    told = header.manifest.settings
    facts = header.model.model_extra or {}
    if facts.get("prompt") is not None:
        raise InputError(
            "the records belong to a language model that was asked by prompt, and records do not"
            " hold the prompt",
            where=header.model.name,
            hint="leave --interactive out",
        )
    revision = facts.get("revision")
    job = Job(
        model=header.model.name,
        data=Path(header.dataset.name),
        split=header.dataset.split if told.get("split") else None,
        dtype=header.manifest.dtype,
        pieces=told.get("unit") == "piece",
        revision=revision if isinstance(revision, str) else None,
        label=header.model.label,
    )
    question = find_question(header.audit)
    settings = question.settings.model_validate(header.settings, strict=False)
    (work,) = load_works([(question, settings)], job, None, observer)
    for what, ours, theirs in (
        (job.model, work.loaded.facts["sha256"], header.model.sha256),
        (str(work.data.path), work.dataset.rows_digest, header.dataset.rows_digest),
    ):
        if ours != theirs:
            raise InputError(
                "has changed since the records were made",
                where=what,
                hint="run the audit again, and give its records",
            )
    return work


def _check_places(header: Header) -> None:
    """Raise InputError for what records may not lead to: code, a download, or nothing at all.

    Anybody may have written the records.
    """
    if is_plugin(header.model.name):
        raise InputError(
            "the records belong to a plug-in, and records may not say which code to run",
            where=header.model.name,
            hint="leave --interactive out; it works only for checkpoints and model folders",
        )
    for name in (header.model.name, header.dataset.name):
        if not Path(name).exists():
            raise InputError(
                "the records name it, but it is not there",
                where=name,
                hint="run this in the folder in which the audit ran; model and data must be in "
                "the same places",
            )


class _Shared:
    """Arrays by number; those that several programs take are held once."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def number(self, tensor: Tensor) -> int:
        """The number of a tensor. Its memory names it, which is never freed while it is here."""
        key = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tuple(tensor.stride()))
        if key not in self._numbers:
            self._numbers[key] = len(self.tensors)
            self.tensors.append(tensor)
        return self._numbers[key]


@dataclass(frozen=True)
class _Reader:
    """`read` of one text as a function of the weights alone."""

    model: AttentionModel
    encoded: Encoded

    def __call__(self, alpha: Tensor) -> Tensor:
        token_logits = capability(self.model, "token_logits")
        if token_logits is None:
            return self.model.read(self.encoded, alpha)
        per_token, bias = token_logits(self.encoded)
        logits: Tensor = alpha.squeeze(2) @ per_token + bias
        return logits


@torch.no_grad()
def _movable(work: Work, instance: Instance, heatmap: Heatmap, shared: _Shared) -> Movable:
    model = work.loaded.model
    batch = collate(
        [instance],
        work.loaded.spec.vocabulary,
        boundaries=model.boundaries,
        pieces=work.job.pieces,
    ).to(work.device)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)  # (1, H, T)
    words = _words_of(batch, encoded)
    if max(words) + 1 != len(heatmap.tokens):
        raise InputError(
            f"the text {heatmap.id!r} has {max(words) + 1} words here, but "
            f"{len(heatmap.tokens)} in the records",
            hint="run the audit again, and give its records",
        )
    read = _Reader(model, encoded)
    try:
        program = trace(read, alpha.unsqueeze(1))
    except UntraceableError as error:
        raise ModelError(
            f"a page cannot compute its answers: there is no step for {error}",
            where=work.job.model,
            hint="leave --interactive out; the report itself does not need it",
        ) from None
    _check(program, read, alpha, work.job.model)
    return Movable(
        heatmap,
        alpha[0].cpu().double().numpy(),
        words,
        [(step.kind, step.takes, step.attributes) for step in program.steps],
        [shared.number(constant) for constant in program.constants],
    )


def _words_of(batch: Batch, encoded: Encoded) -> list[int]:
    """The word of each position, counted from 0 on what the attention can reach; else OUTSIDE."""
    reached = batch.within(encoded.content)
    words: list[int] = reached.words.masked_fill(~encoded.content, OUTSIDE)[0].tolist()
    return words


def _check(program: Program, read: _Reader, alpha: Tensor, name: str) -> None:
    """Raise ModelError where the program answers unlike the model under one of three weights."""
    generator = torch.Generator(alpha.device).manual_seed(0)
    noise = torch.rand(alpha.shape, generator=generator, device=alpha.device, dtype=alpha.dtype)
    attendable = read.encoded.attendable.unsqueeze(1)
    even = (attendable / attendable.sum(-1, keepdim=True)).expand_as(alpha).to(alpha.dtype)
    odd = noise * attendable
    for weights in (alpha, even, odd / odd.sum(-1, keepdim=True)):
        asked = weights.unsqueeze(1)  # (1, 1, H, T)
        theirs = read(asked).cpu().double().numpy()
        ours = program.run(asked.cpu().double().numpy())
        if ours.shape != theirs.shape or np.abs(ours - theirs).max() > CLOSE * (
            1 + np.abs(theirs).max()
        ):
            raise ModelError(
                "a page cannot compute its answers: the exported network gives other answers",
                where=name,
                hint="leave --interactive out; the report itself does not need it",
            )
