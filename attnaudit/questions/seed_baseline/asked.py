"""Could the audited attention move an answer at all? Controls that go with every finding.

What passes the audited attention by, such as a residual, may give the answer alone; then no other
weights could change it, and tests of these weights say nothing. The records of the audited model
hold under `controls`:

* `bypassed`: whether the model says that something is added to what the audited attention gives
  (capability `values`);
* `erased`: `tvd` and `flips`, how far the answer is from that without any content in the audited
  attention (see `reliance.all_erased`), and whether another class is predicted;
* `uniform_layers`: the same for the answer with uniform attention in all layers, where the model
  can give it (capability `uniform_layers`).

They feed `seed_baseline.control.*` and the findings (see `findings.controls`).
"""

from __future__ import annotations

import torch

from attnaudit.models.interface import AttentionModel, capability
from attnaudit.questions.answers import Answered
from attnaudit.questions.maker import Record
from attnaudit.questions.reliance import all_erased, all_uniform


@torch.no_grad()
def controls(model: AttentionModel, known: Answered) -> list[Record]:
    """What the record of each instance of a batch holds of the controls."""
    values = capability(model, "values")
    bypassed = values is not None and values(known.encoded).residual is not None
    made: list[Record] = [
        {"bypassed": bypassed, "erased": moved} for moved in all_erased(model, known)
    ]
    for record, moved in zip(made, all_uniform(model, known) or (), strict=False):
        record["uniform_layers"] = moved
    return [{"controls": record} for record in made]
