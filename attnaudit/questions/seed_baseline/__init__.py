"""How far do seeds differ, and does the task need attention at all?"""

from __future__ import annotations

from attnaudit.questions.question import EvidenceRow, Question
from attnaudit.questions.seed_baseline.metrics import SPECS
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.seed_baseline.stability_metrics import STABILITY_SPECS

ABOUT = """\
Trains the model's recipe anew with other seeds, and with each of these seeds a model whose
attention is frozen to the uniform one. Where uniform attention scores as well, the task is no
test of attention. How far seeds differ in attention (JSD) and answers (TVD) is what adversaries
are to be measured by. Wiegreffe & Pinter 2019, sections 3.2 and 3.3."""

QUESTION = Question(
    name="seed-baseline",
    command="seed-baseline",
    module=__name__,
    asks="How far do seeds differ, and does the task need attention at all?",
    about=ABOUT,
    settings=SeedBaselineSettings,
    metrics=(*SPECS, *STABILITY_SPECS),
    evidence=(
        EvidenceRow(
            "JSD between seeds",
            "seed_baseline.jsd.mean_over_seeds",
            "TVD between seeds",
            "seed_baseline.tvd.mean",
        ),
        EvidenceRow(
            "JSD of all pairs of models",
            "stability.jsd.mean",
            "shuffled attention",
            "stability.shuffled_jsd.mean",
        ),
        EvidenceRow(
            "F1, less uniform",
            "necessity.f1_gap",
            "uniform",
            "seed_baseline.uniform_f1.mean",
        ),
        EvidenceRow(
            "TVD, content erased",
            "seed_baseline.control.erased.tvd.mean",
            "all layers uniform",
            "seed_baseline.control.uniform_layers.tvd.mean",
        ),
    ),
    attention=True,
    retrains=True,
    suite={"seeds": 5},
    traps="Seeds of a pretrained model share most weights, and so agree more.",
    source="Wiegreffe & Pinter 2019, sections 3.2 and 3.3",
)
