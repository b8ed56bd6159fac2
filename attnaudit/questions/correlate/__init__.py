"""Does attention rank words as gradients and leave-one-out do?"""

from __future__ import annotations

from attnaudit.questions.correlate.metrics import SPECS
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
Kendall's tau of attention against each importance measure, for each text. Beside it stand a
random ranking (the floor) and the agreement of the measures with each other (the reference).
Agreement is evidence, not proof: measures disagree among themselves, tau depends on length and
ignores size, and a gradient with attention held fixed carries the attention as a factor.
Jain & Wallace 2019, section 4.1."""

QUESTION = Question(
    name="correlate",
    command="correlate",
    module=__name__,
    asks="Does attention rank words as gradients and leave-one-out do?",
    about=ABOUT,
    settings=CorrelateSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "agreement with gradient (tau)",
            "correlate.gradient.tau.mean",
            "gradient with leave-one-out",
            "correlate.gradient~leave_one_out.tau.mean",
        ),
        EvidenceRow(
            "agreement with leave-one-out (tau)",
            "correlate.leave_one_out.tau.mean",
            "random ranking",
            "correlate.random.tau.mean",
        ),
    ),
    attention=True,
    of_many_rows=True,
    traps="Agreement is evidence, no proof: importances disagree among themselves.",
    source="Jain & Wallace 2019, section 4.1",
)
