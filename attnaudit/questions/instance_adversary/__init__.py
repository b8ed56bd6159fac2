"""How different may attention be while the answer to a text stays?"""

from __future__ import annotations

from attnaudit.questions.instance_adversary.metrics import SPECS
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.question import EvidenceRow, Question

QUESTION = Question(
    name="instance-adversary",
    command="adversary",
    module=__name__,
    asks="How different may attention be while the answer to a text stays?",
    settings=InstanceSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "JSD, detached weights",
            "adversary.instance.jsd.mean",
            "share of attainable",
            "adversary.instance.relative_mean",
        ),
    ),
    tables=("adversary.instance", "adversary.search"),
    attention=True,
    traps="Weights detached from the model are no evidence on their own.",
    source="Jain & Wallace 2019, section 4.2.2",
)
