"""How different may attention be while the answer to a text stays?"""

from __future__ import annotations

from typing import Any

from attnaudit.questions.instance_adversary.metrics import SPECS
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.option import Switch
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
For each text this test looks for other attention weights that are as far as possible from the
model's own (by JSD, the Jensen-Shannon divergence), while the answer moves by at most epsilon. With
two classes and a linear readout it finds the exact maximum, otherwise a lower and an upper bound.
The model may never produce these weights. Long texts and confident answers make them easy to find,
so this result alone does not count against attention. Jain & Wallace 2019, section 4.2.2."""

_SWITCH = Switch(
    "per_instance",
    "--per-instance/--no-per-instance",
    True,
    "Search other weights for each text. With --no-per-instance, the command only trains models.",
)


def _choose(given: dict[str, Any]) -> dict[str, Any] | None:
    return given if given["per_instance"] else None


QUESTION = Question(
    name="instance-adversary",
    command="adversary",
    module=__name__,
    asks="How different can the attention be while the answer to a text stays the same?",
    about=ABOUT,
    settings=InstanceSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "other weights, same answer: distance (JSD)",
            "adversary.instance.jsd.mean",
            "share of the largest possible",
            "adversary.instance.relative_mean",
        ),
    ),
    tables=("adversary.instance", "adversary.search"),
    attention=True,
    of_sites=True,
    switches=(_SWITCH,),
    choose=_choose,
    traps="The model may never produce these weights, so this result alone does not count against "
    "attention.",
    source="Jain & Wallace 2019, section 4.2.2",
)
