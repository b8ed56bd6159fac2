"""How far do seeds differ, and does the task need attention at all?"""

from __future__ import annotations

from attnaudit.questions.question import ControlRow, EvidenceRow, Question
from attnaudit.questions.seed_baseline.metrics import SPECS
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.seed_baseline.stability_metrics import STABILITY_SPECS

ABOUT = """\
Trains the model's recipe again with other seeds. How far these models differ in attention (JSD)
and in answers (TVD) is what adversaries are measured by. For each seed it also trains three models
until they stop improving: one with learned attention, one whose attention is frozen to the uniform
one, and one with random attention that is as peaked as the model's. If uniform attention scores as
well as learned attention, the task does not need attention. Wiegreffe & Pinter 2019, sections 3.2
and 3.3."""

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
            "distance to other seeds (JSD)",
            "seed_baseline.jsd.mean_over_seeds",
            "change of their answers (TVD)",
            "seed_baseline.tvd.mean",
        ),
        EvidenceRow(
            "distance of all pairs of models (JSD)",
            "stability.jsd.mean",
            "shuffled attention",
            "stability.shuffled_jsd.mean",
        ),
        EvidenceRow(
            "gain over uniform weights (score)",
            "necessity.score_gap",
            "score with uniform weights",
            "necessity.uniform_score.mean",
        ),
        EvidenceRow(
            "change without any weight on words (TVD)",
            "seed_baseline.control.erased.tvd.mean",
            "all layers uniform",
            "seed_baseline.control.uniform_layers.tvd.mean",
        ),
    ),
    attention=True,
    retrains=True,
    keeps="seeds",
    keep_option="--keep",
    usual=False,
    traps="Seeds of a pretrained model share most weights, and so agree more.",
    source="Wiegreffe & Pinter 2019, sections 3.2 and 3.3",
    controls=(
        ControlRow(
            "distance to shuffled attention (JSD)",
            "stability.shuffled_jsd.mean",
            (("between models", "stability.jsd.mean"),),
            "If two models differ as much as when one's weights are shuffled, they agree no more"
            " than chance does.",
        ),
        ControlRow(
            "score with peaked random weights",
            "necessity.peaked_score.mean",
            (
                ("uniform weights", "necessity.uniform_score.mean"),
                ("learned weights", "necessity.learned_score.mean"),
            ),
            "If random peaked weights score like learned ones, it helps the model to read few"
            " words, whichever they are.",
        ),
        ControlRow(
            "distance to a model of shuffled labels (JSD)",
            "seed_baseline.permuted_jsd.mean",
            (("between seeds", "seed_baseline.jsd.mean_over_seeds"),),
            "If a model that learned shuffled labels attends like the audited one, the attention"
            " does not come from the task.",
        ),
        ControlRow(
            "change without any weight on words (TVD)",
            "seed_baseline.control.erased.tvd.mean",
            (("between seeds", "seed_baseline.tvd.mean"),),
            "If the answers stay although all weights on the words are 0, they go around this"
            " attention.",
        ),
        ControlRow(
            "change with all layers uniform (TVD)",
            "seed_baseline.control.uniform_layers.tvd.mean",
            (("between seeds", "seed_baseline.tvd.mean"),),
            "If the answers stay although every layer attends uniformly, the model does not need"
            " its attention for them.",
        ),
    ),
)
