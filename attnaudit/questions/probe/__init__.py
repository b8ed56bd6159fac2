"""Does attention help a model that sees each word by itself?"""

from __future__ import annotations

from attnaudit.questions.probe.metrics import SPECS
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.question import EvidenceRow, Question

QUESTION = Question(
    name="probe",
    command="probe",
    module=__name__,
    asks="Does attention help a model that sees each word by itself?",
    settings=ProbeSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow("probe F1, less uniform", "probe.base-uniform.f1_gap"),
        EvidenceRow("probe F1, less leak", "probe.base-leak.f1_gap"),
    ),
    retrains=True,
    traps="It measures use to another model, not faithfulness to this one.",
    source="Wiegreffe & Pinter 2019, section 3.4",
)
