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
)
