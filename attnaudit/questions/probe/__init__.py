"""Do the attention weights help a model that sees each word by itself?"""

from __future__ import annotations

from attnaudit.questions.probe.metrics import SPECS
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.question import ControlRow, EvidenceRow, Question

ABOUT = """\
This test trains probes: simple classifiers that see each word by itself, without context. A probe
must use attention weights that come from a guide: uniform weights, the audited model's weights, the
weights of other checkpoints, or controls. One more probe learns its own weights. If the audited
model's weights point at words that matter, they should help the probe more than uniform weights do.
The leak control then tests whether the attended words really carry the evidence. It trains models
of the audited recipe on texts without these words, and on texts without the same number of other
words. If both score alike, the evidence also stands in other words. The test measures whether the
weights are useful to another model, not how this model works. Wiegreffe & Pinter 2019, section
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
        EvidenceRow("probe's gain over uniform weights (score)", "probe.base-uniform.score_gap"),
        EvidenceRow("extra loss without attended words (score)", "probe.leak.score_gap"),
    ),
    retrains=True,
    traps="It measures whether the weights are useful to another model, not how this model works.",
    source="Wiegreffe & Pinter 2019, section 3.4",
    controls=(
        ControlRow(
            "probe: gain over shuffled attention",
            "probe.base-shuffled.score_gap",
            (("gain over uniform weights", "probe.base-uniform.score_gap"),),
            "If this is near 0, it only helps the probe that the weights are uneven, and it "
            "does not matter which words have them.",
        ),
        ControlRow(
            "probe: gain over untrained attention",
            "probe.base-untrained.score_gap",
            (("gain over uniform weights", "probe.base-uniform.score_gap"),),
            "If this is near 0, training taught the attention nothing that a probe can use.",
        ),
        ControlRow(
            "probe: gain over weights by position",
            "probe.base-position.score_gap",
            (("gain over uniform weights", "probe.base-uniform.score_gap"),),
            "If this is near 0, only the positions of the weights help the probe, not the "
            "words there.",
        ),
    ),
)
