"""Does attention rank words as other measures of importance do?"""

from __future__ import annotations

from attnaudit.questions.correlate.metrics import SPECS
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.question import EvidenceRow, Question

QUESTION = Question(
    name="correlate",
    command="correlate",
    module=__name__,
    asks="Does attention rank words as other measures of importance do?",
    settings=CorrelateSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "tau with gradient",
            "correlate.gradient.tau.mean",
            "gradient with leave-one-out",
            "correlate.gradient~leave_one_out.tau.mean",
        ),
        EvidenceRow(
            "tau with leave-one-out",
            "correlate.leave_one_out.tau.mean",
            "random ranking",
            "correlate.random.tau.mean",
        ),
    ),
    attention=True,
    traps="Agreement is evidence, no proof: importances disagree among themselves.",
    source="Jain & Wallace 2019, section 4.1",
)
