"""The scores of a batch for every importance that is asked for, as numbers for records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.importance import IMPORTANCES
from attnaudit.importance.choice import check_measures
from attnaudit.importance.importance import Request

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Importances:
    """Scores by name, each (B, W) and 0 beyond an instance's last word; all magnitudes.

    `extras` holds the further figures that importances leave, one an instance (B,), by name.
    """

    scores: dict[str, Scores]
    extras: dict[str, Scores]


def importances(request: Request) -> Importances:
    """What is asked for, in the order of the list; raises InputError for an unknown name."""
    found = {name: IMPORTANCES[name].compute(request) for name in check_measures(request.asked)}
    return Importances(
        {name: scores.float().cpu().numpy() for name, scores in found.items()},
        {name: figures.float().cpu().numpy() for name, figures in request.extras.items()},
    )
