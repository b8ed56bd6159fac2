"""What records say of the integrals behind importances: from which baseline, and how exact.

A record of `correlate` or `erase` holds `integration` by importance: the fields of
`importance.importance.Integral`. Older records do not: their integrals come from a fixed number of
points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.importance import IMPORTANCES
from attnaudit.measures.columns import Frame

Array = NDArray[np.float64]

_FIGURES = ("gradients", "completeness", "undefined")
_ALONE = (
    "Integrated gradients are shown from one baseline only. Another baseline would rank the "
    "words differently. By default, a model that has a mask token or a token for unknown words "
    "gets a second baseline."
)
_OLD = "12 fixed nodes, convergence not checked"


def baselines(names: Sequence[str]) -> list[str]:
    """For below a table: the baseline of each importance among `names` that has one."""
    return [
        f"{name}: from {IMPORTANCES[name].baseline}."
        for name in names
        if name in IMPORTANCES and IMPORTANCES[name].baseline
    ]


class Integrals:
    """How the integrals of some texts came about, for those of the importances `names` that are.

    Figures of a text have names: `NAME.gradients`; `NAME.completeness`, its completeness error,
    where its scores are defined; `NAME.undefined`, 1 where they are not, else 0.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = [name for name in names if name in IMPORTANCES and IMPORTANCES[name].baseline]
        self._frame = Frame([f"{name}.{figure}" for name in self.names for figure in _FIGURES])
        self._tolerances: dict[str, set[float]] = {name: set() for name in self.names}
        self._reasons: dict[str, Counter[str]] = {name: Counter() for name in self.names}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in a record; one of before integrals were told adds what it has."""
        row: list[float | None] = []
        for name in self.names:
            told = record.get("integration", {}).get(name)
            if told is None:
                known = name == "integrated_gradients"  # there was no other
                row += [None, record.get("completeness_error") if known else None, None]
                continue
            self._tolerances[name].add(told["tolerance"])
            reason = told.get("reason")
            if reason is not None:
                self._reasons[name][reason] += 1
            complete = told["completeness_error"] if reason is None else None
            row += [told["gradients"], complete, float(reason is not None)]
        self._frame.add(row)

    def figure(self, name: str) -> Array:
        """(texts,) of that name, NaN where a text has none."""
        return self._frame[name]

    def metrics(self) -> dict[str, str]:
        """By the name of the metric that is its mean, the name of a figure."""
        made = {}
        for name in self.names:
            prefix = f"correlate.{name}"
            made[f"{prefix}.completeness_error.mean"] = f"{name}.completeness"
            if self._tolerances[name]:
                made[f"{prefix}.gradients.mean"] = f"{name}.gradients"
                made[f"{prefix}.undefined"] = f"{name}.undefined"
        return made

    def notes(self) -> list[str]:
        """For below a table: baseline, tolerance, cost and undefined texts of each."""
        alone = [_ALONE] if len(self.names) == 1 else []
        return [*alone, *map(self._note, self.names)]

    def _note(self, name: str) -> str:
        gradients = self.figure(f"{name}.gradients")
        told = ~np.isnan(gradients)
        said = [f"{name}: from {IMPORTANCES[name].baseline}"]
        if told.any():
            tolerances = " or ".join(f"{t:g}" for t in sorted(self._tolerances[name]))
            undefined = int(np.nansum(self.figure(f"{name}.undefined")))
            mean, most = float(gradients[told].mean()), int(gradients[told].max())
            said.append(f"estimated error at most {tolerances} of a text's largest score")
            said.append(f"{mean:.1f} gradients for a text on average, at most {most}")
            reasons = "".join(f" ({n} {reason})" for reason, n in self._reasons[name].items())
            said.append(f"{undefined:,} of {told.sum():,} texts undefined{reasons}")
        if not told.all():
            old = int((~told).sum())
            said.append(_OLD if old == len(told) else f"{old:,} texts with {_OLD}")
        return "; ".join(said) + "."
