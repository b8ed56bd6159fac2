"""How different may attention be while the answer to a text stays?"""

from __future__ import annotations

from typing import Any

from attnaudit.questions.instance_adversary.metrics import SPECS
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.option import Switch
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
For each text it finds the weights farthest (JSD) from the model's attention under which its
answer moves by at most epsilon: the exact maximum for two classes and a linear readout, else a
lower and an upper bound. The model may never produce these weights. Long texts and confident
answers make them easy to find, so this result alone does not count against attention.
Jain & Wallace 2019, section 4.2.2."""

_SWITCH = Switch(
    "per_instance",
    "--per-instance/--no-per-instance",
    True,
    "Search weights for each text; without it, only models are trained.",
)


def _choose(given: dict[str, Any]) -> dict[str, Any] | None:
    return given if given["per_instance"] else None


QUESTION = Question(
    name="instance-adversary",
    command="adversary",
    module=__name__,
    asks="How different may attention be while the answer to a text stays?",
    about=ABOUT,
    settings=InstanceSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "same answer: distance of weights (JSD)",
            "adversary.instance.jsd.mean",
            "as a share of the largest possible",
            "adversary.instance.relative_mean",
        ),
    ),
    tables=("adversary.instance", "adversary.search"),
    attention=True,
    switches=(_SWITCH,),
    choose=_choose,
    traps="The model may never produce these weights, so this result alone does not count against "
    "attention.",
    source="Jain & Wallace 2019, section 4.2.2",
)
