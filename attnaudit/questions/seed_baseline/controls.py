"""The controls of the audited model, as its records hold them."""

from __future__ import annotations

import numpy as np

from attnaudit.questions.runs import Floats, Runs

# What each does to the audited model.
CONTROLS = {
    "erased": "all weights on words set to 0 at the audited row",
    "uniform_layers": "uniform attention in all layers",
}


def control_column(runs: Runs, control: str, figure: str) -> Floats | None:
    """(n,) the `tvd` or `flips` of a control, NaN where a record has none; None if all have none.

    `flips` are 0 or 1.
    """
    found = [record.get(control, {}).get(figure) for record in runs.controls]
    if all(value is None for value in found):
        return None
    return np.array(found, float)
