"""The scores of a batch for every importance that is asked for, as numbers for records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.importance import IMPORTANCES
from attnaudit.importance.attributed import attributed
from attnaudit.importance.choice import check_measures
from attnaudit.importance.importance import Integral, Known, Request, Scores

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Importances:
    """Scores by name, each (B, W) and 0 beyond an instance's last word; all magnitudes.

    Where an importance is undefined for an instance, all its words are NaN. `integrals` says by
    name what the scores that are integrals rest on, one a text. `signs` (B, W) has those that were
    noted: 1 for words that speak for the explained class, -1 for words against it.
    """

    scores: dict[str, NDArray[np.float32]]
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

    Computes what is not known yet, and adds it to what is `known`.

    Raises InputError for an unknown name.
    """
    asked, known = check_measures(request.asked), request.known
    missing = replace(request, asked=[name for name in asked if name not in known])
    known |= _scores({name: IMPORTANCES[name].compute(missing) for name in missing.asked}, missing)
    given = _scores({n: attributed(n).compute(request) for n in request.given}, request)
    found = {name: known[name] for name in asked} | given
    return Importances(
        {name: scores.words for name, scores in found.items()},
        {name: one.integrals for name, one in found.items() if one.integrals is not None},
        {name: one.signs for name, one in found.items() if one.signs is not None},
    )


def _scores(made: Mapping[str, Tensor], request: Request) -> Known:
    """What was made for a request, with what it noted beside it."""

    def signs(name: str) -> NDArray[np.int8] | None:
        noted = request.signs.get(name)
        return None if noted is None else noted.nan_to_num().cpu().numpy().astype(np.int8)

    return {
        name: Scores(scores.float().cpu().numpy(), request.integrals.get(name), signs(name))
        for name, scores in made.items()
    }
