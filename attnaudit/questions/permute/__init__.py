"""Does the answer change when the attention weights are shuffled?"""

from __future__ import annotations

from attnaudit.questions.permute.metrics import SPECS
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.question import EvidenceRow, Question

QUESTION = Question(
    name="permute",
    command="permute",
    module=__name__,
    asks="Does the answer change when the attention weights are shuffled?",
    settings=PermuteSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "TVD, shuffled",
            "permute.tvd.median",
            "conicity of states",
            "permute.conicity.mean",
        ),
    ),
    traps="Where all states are alike, or something goes around the attention, no answer can move.",
    source="Jain & Wallace 2019, section 4.2.1",
)
