"""How much work a piece of an audit is: for the choice of its processes.

What batches take depends on the machine and on the question. So one of them is done and timed
first, where the count of operations says that they might take long. Of trainings it is only that
count, and the least: there may be more of them, and they may last longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import nn

from attnaudit.execution.choosing import Choosing, Load
from attnaudit.execution.machine import own_bytes
from attnaudit.execution.units import Engine
from attnaudit.models.interface import AttentionModel
from attnaudit.models.lengths import Texts, tokens_of
from attnaudit.running.work import Task, Work

RATE = 1.5e10  # operations a second of one thread; measured with LSTMs, large matrices are faster
STEP = 0.005  # seconds of an optimiser step that do not depend on its texts
COPIES = 6  # of the weights, in training: gradients, moments, and the best ones so far


def to_time(engine: Engine, works: Sequence[Work], tasks: Sequence[Task]) -> list[Task]:
    """The batch to do here first, because what it takes decides who does the others.

    It is one of middle length. There is none where the choice does not depend on it.
    """
    if not isinstance(engine, Choosing) or engine.size > 1 or not tasks:
        return []
    counted = isinstance(tasks[0], int) and engine.count(_load(works, tasks)) > 1
    return [tasks[len(tasks) // 2]] if counted else []


def engine_for(
    engine: Engine, works: Sequence[Work], tasks: Sequence[Task], seconds: float | None = None
) -> Engine:
    """The engine that does these tasks, which come all at once, each for every work.

    `seconds` is what they take one process, where that has been measured.
    """
    if not isinstance(engine, Choosing):
        return engine
    counted = _load(works, tasks)
    if seconds is not None:
        counted = replace(counted, seconds=min(seconds, counted.seconds))
    return engine.choose(counted)


def _load(works: Sequence[Work], tasks: Sequence[Task]) -> Load:
    loads = [load_of(work, tasks) for work in works]
    return replace(loads[0], seconds=sum(load.seconds for load in loads))


def load_of(work: Work, tasks: Sequence[Task]) -> Load:
    """What some tasks of a work take.

    On a GPU they are one unit, because several processes would have to share it.
    """
    threads = work.job.threads_each
    if work.device.type != "cpu" or not tasks:
        return Load(1, 0.0, threads=threads)
    model, memory = work.loaded.model, own_bytes()
    each = 2 * _connections(model) / RATE  # seconds that a token takes to pass
    if isinstance(tasks[0], int):
        assert work.maker.cost is not None
        texts = Texts.of(work.batches)
        passes = work.maker.cost(model, texts, work.settings)
        tokens = (passes.forward + 2 * passes.backward) * float(texts.tokens.mean())
        return Load(len(tasks), tokens * each * len(tasks) / len(work.batches), memory, threads)
    assert work.retraining is not None
    schedule = work.retraining.schedule
    lengths = tokens_of(work.retraining.batches("train"))
    steps = int(np.ceil(len(lengths) / schedule.batch_size))
    epoch = 3 * float(lengths.sum()) * each + steps * STEP
    if memory is not None:
        memory += COPIES * sum(p.numel() * p.element_size() for p in model.parameters())
    return Load(len(tasks), len(tasks) * schedule.epochs * epoch, memory, threads)


def _connections(model: AttentionModel) -> int:
    """The weights that each token is multiplied with: all but tables, in which it is looked up."""
    tables = [m.weight.numel() for m in model.modules() if isinstance(m, nn.Embedding)]
    return sum(p.numel() for p in model.parameters()) - sum(tables)
