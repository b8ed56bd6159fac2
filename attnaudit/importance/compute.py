"""The scores of a batch for every importance that is asked for, as numbers for records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.importance import IMPORTANCES
from attnaudit.importance.attributed import attributed
from attnaudit.importance.choice import check_measures
from attnaudit.importance.importance import Integral, Request

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Importances:
    """Scores by name, each (B, W) and 0 beyond an instance's last word; all magnitudes.

    Where an importance is undefined for an instance, all its words are NaN. `integrals` says by
    name what the scores that are integrals rest on, one a text. `signs` (B, W) has those that were
    noted: 1 for words that speak for the explained class, -1 for words against it.
    """

    scores: dict[str, Scores]
    integrals: dict[str, Sequence[Integral]]
    signs: dict[str, NDArray[np.int8]]

    def told(self, b: int) -> dict[str, Any]:
        """What a record of instance `b` holds besides scores: `integration`, where there is any.

        By the importance's name the fields of `Integral`, the reason only where there is one.
        """
        if not self.integrals:
            return {}
        each = {name: asdict(of_texts[b]) for name, of_texts in self.integrals.items()}
        for integral in each.values():
            if integral["reason"] is None:
                del integral["reason"]
        return {"integration": each}


def importances(request: Request) -> Importances:
    """What is asked for, in the order of the list, and then what other tools have given.

    Raises InputError for an unknown name.
    """
    found = {name: IMPORTANCES[name].compute(request) for name in check_measures(request.asked)}
    found |= {name: attributed(name).compute(request) for name in request.given}
    return Importances(
        {name: scores.float().cpu().numpy() for name, scores in found.items()},
        dict(request.integrals),
        {
            name: signs.nan_to_num().cpu().numpy().astype(np.int8)
            for name, signs in request.signs.items()
            if name in found
        },
    )
