"""Do the attention weights help a model that sees each word by itself?"""

from __future__ import annotations

from attnaudit.questions.probe.metrics import SPECS
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.question import ControlRow, EvidenceRow, Question

ABOUT = """\
Trains classifiers without context whose attention is imposed: uniform, learned by themselves,
the audited model's, that of other checkpoints, and controls. Attention that points at what
matters should help more than uniform attention. A leak control tells whether the attended words
carry the evidence: models of the audited recipe learn from texts without these words, and from
texts without as many others. Where the first do as well, the evidence stands elsewhere, too. It
measures use to another model, not faithfulness to this one. Wiegreffe & Pinter 2019, section
3.4."""

QUESTION = Question(
    name="probe",
    command="probe",
    module=__name__,
    asks="Do the attention weights help a model that sees each word by itself?",
    about=ABOUT,
    settings=ProbeSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow("gain of a probe over uniform weights", "probe.base-uniform.score_gap"),
        EvidenceRow("loss without attended words, less others", "probe.leak.score_gap"),
    ),
    retrains=True,
    traps="It measures use to another model, not faithfulness to this one.",
    source="Wiegreffe & Pinter 2019, section 3.4",
    controls=(
        ControlRow(
            "probe, less shuffled attention",
            "probe.base-shuffled.score_gap",
            (("less uniform weights", "probe.base-uniform.score_gap"),),
            "If a probe does as well under shuffled attention, it profits from how peaked the"
            " weights are, not from where they lie.",
        ),
        ControlRow(
            "probe, less untrained attention",
            "probe.base-untrained.score_gap",
            (("less uniform weights", "probe.base-uniform.score_gap"),),
            "If a probe does as well under the attention of an untrained model, training taught"
            " that attention nothing that the probe can use.",
        ),
        ControlRow(
            "probe, less weights by place alone",
            "probe.base-position.score_gap",
            (("less uniform weights", "probe.base-uniform.score_gap"),),
            "If a probe does as well under weights that know the position alone, places in the"
            " text matter to it and not the words there.",
        ),
    ),
)
