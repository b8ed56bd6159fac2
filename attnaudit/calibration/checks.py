"""What can be seen on the audited model of a plant without training others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.calibration.kinds import Ninety
from attnaudit.calibration.plant import CheckName
from attnaudit.execution.observer import Silent
from attnaudit.models.retraining import Retraining
from attnaudit.questions import find_question
from attnaudit.questions.maker import Record
from attnaudit.questions.reliance_tables import UNMOVED_TVD

MOVES = 0.1  # the mean TVD from which answers move; below UNMOVED_TVD they do not
MOST, FEW = 0.9, 0.1  # of the texts


def check(name: CheckName, retraining: Retraining) -> bool | None:
    """Whether it is so; None where it lies between yes and no, or cannot be seen."""
    if name == "shuffling moves answers":
        return _moves([record["tvd"]["median"] for record in _records("permute", retraining)])
    if name == "zeroing moves answers":
        return _moves([record["all_erased"]["tvd"] for record in _records("permute", retraining)])
    listed = unsupported(retraining)
    if listed is None:
        return None
    expected = junk(retraining)
    if name == "unsupported listed":
        return bool(listed[expected].mean() >= MOST)
    return bool(listed[~expected].mean() <= FEW)


def _moves(tvd: list[float]) -> bool | None:
    mean = float(np.mean(tvd))
    return True if mean >= MOVES else False if mean < UNMOVED_TVD else None


def junk(retraining: Retraining) -> NDArray[np.bool_]:
    """(n,) true for the texts of the test split whose attention has no influence, by row.

    Those are all where the audited attention has none, as in the idle heads, and none where it is
    honest; a model that is honest in some texts says which.
    """
    base: Any = retraining.base
    made = np.zeros(len(retraining.splits["test"].instances), bool)
    if isinstance(base, Ninety):
        for batch in retraining.batches("test"):
            made[batch.rows.numpy()] = base.junk(batch).squeeze(1).numpy()
        return made
    return made | (not _influences(retraining))


@torch.no_grad()
def _influences(retraining: Retraining) -> bool:
    """Whether any weights at all change an answer: those of zero are far from any others."""
    for batch in retraining.batches("test"):
        encoded = retraining.base.encode(batch)
        alpha = retraining.base.attend(encoded)
        said = retraining.base.read(encoded, torch.stack([alpha, 0 * alpha], 1)).softmax(-1)
        if float((said[:, 0] - said[:, 1]).abs().max()) > UNMOVED_TVD:
            return True
    return False


def unsupported(retraining: Retraining) -> NDArray[np.bool_] | None:
    """(n,) true for the texts that `erase` lists as unsupported; None where it judges none."""
    made = list(_records("erase", retraining))
    judged = [record for record in made if record["support"]["status"] != "not_judged"]
    if not judged:
        return None
    listed = np.zeros(len(made), bool)
    for record in judged:
        listed[record["row"]] = record["support"]["status"] == "unsupported"
    return listed


def _records(name: str, retraining: Retraining) -> Iterator[Record]:
    """What a question records of the audited model on the test split, by its defaults."""
    question = find_question(name)
    make = question.maker.records
    assert make is not None
    settings = question.maker.settle(question.settings(), retraining.base)
    for made in make(retraining.base, retraining.batches("test"), settings, Silent()):
        yield from made
