"""Does attention rank words as gradients and leave-one-out do?"""

from __future__ import annotations

from attnaudit.questions.correlate.metrics import SPECS
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
For each text, this test ranks the words by attention and by each importance measure, and compares
the two rankings with Kendall's tau (1: the same order, 0: no relation). Compare the result with a
random ranking (the floor) and with how well the measures agree with each other (the reference).
Agreement is evidence, not proof. The measures disagree among themselves. Tau depends on the length
of a text and ignores the size of the weights. A gradient with attention held fixed contains the
attention weight as a factor, so it agrees too easily. Jain & Wallace 2019, section 4.1."""

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
            short="tau, leave-one-out",
        ),
    ),
    attention=True,
    of_many_rows=True,
    of_sites=True,
    traps="Agreement is evidence, not proof: importances disagree among themselves.",
    source="Jain & Wallace 2019, section 4.1",
)
