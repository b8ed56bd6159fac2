"""What the check of a model on its data would take: a few of its texts are really checked."""

from __future__ import annotations

from time import perf_counter, process_time

import numpy as np

from attnaudit.execution.observer import Silent
from attnaudit.models.lengths import tokens_of
from attnaudit.running.planning.forecast import around
from attnaudit.running.planning.plan import Part, Stage
from attnaudit.running.verification import (
    choose,
    compare,
    part_of,
    passes_of,
    refuse_difference,
    share_of,
)
from attnaudit.running.work import Work

TRIED = 16  # texts, of all lengths


def plan_check(work: Work) -> Part:
    """What checking the texts of `work` takes.

    Raises:
        ModelError: on one of those that are tried the answers differ.
    """
    chosen = choose(work)
    some = part_of(work.checked, chosen.places)
    tokens = tokens_of(some)
    order = np.argsort(tokens, kind="stable")
    tried = np.unique(np.linspace(0, len(order) - 1, TRIED).round().astype(np.int64))
    begun, worked = perf_counter(), process_time()
    few = part_of(some, order[tried].tolist())
    found = compare(work.loaded.model, few, Silent())
    seconds = process_time() - worked
    if work.device.type != "cpu":  # where a process mostly waits
        seconds = perf_counter() - begun
    refuse_difference(work, chosen, found, share_of(work, found))
    whole = seconds * float(tokens.sum() / tokens_of(few).sum())
    count = len(chosen.places)
    return Part(
        name="check",
        split=work.data.split,
        instances=count,
        batches=len(some),
        passes=passes_of(count),
        stages=(Stage(name="check", seconds=around(whole)),),
    )
