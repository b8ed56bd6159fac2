"""How far do seeds differ, and does the task need attention at all?"""

from __future__ import annotations

from attnaudit.questions.question import ControlRow, EvidenceRow, Question
from attnaudit.questions.seed_baseline.metrics import SPECS
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.seed_baseline.stability_metrics import STABILITY_SPECS

ABOUT = """\
This test trains the model's recipe again with other random seeds, and measures how far these models
differ in attention (JSD) and in answers (TVD). Adversaries are compared with these differences. For
each seed it also trains three models until they stop improving. The first learns its attention. The
second must give each word the same weight (uniform attention). The third must use random weights
that are as uneven as the model's own. Two more kinds of random attention are trained on request
(Vashishth et al. 2019). If uniform attention scores as well as learned attention, this recipe does
not need attention for the task. Wiegreffe & Pinter 2019, sections 3.2 and 3.3."""

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
            "attention of other seeds: distance (JSD)",
            "seed_baseline.jsd.mean_over_seeds",
            "their answers (TVD)",
            "seed_baseline.tvd.mean",
        ),
        EvidenceRow(
            "all pairs of models: distance (JSD)",
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
            "no weight on words: change of answers (TVD)",
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
    traps="Seeds of a pretrained model share most of their weights, so they agree more than "
    "models trained from scratch.",
    source="Wiegreffe & Pinter 2019, sections 3.2 and 3.3",
    controls=(
        ControlRow(
            "attention after shuffling: distance (JSD)",
            "stability.shuffled_jsd.mean",
            (("between models", "stability.jsd.mean"),),
            "If two models differ as much as this, they agree no more than by chance: "
            "shuffling the weights of one of them would change nothing.",
        ),
        ControlRow(
            "score with uneven random weights",
            "necessity.peaked_score.mean",
            (
                ("uniform weights", "necessity.uniform_score.mean"),
                ("learned weights", "necessity.learned_score.mean"),
            ),
            "If these random weights score as well as learned weights, the model gains by "
            "reading few words, and it does not matter which.",
        ),
        ControlRow(
            "score with random weights",
            "necessity.random_score.mean",
            (
                ("uniform weights", "necessity.uniform_score.mean"),
                ("learned weights", "necessity.learned_score.mean"),
            ),
            "If random weights score as well as learned weights, this recipe does not need "
            "attention for the task.",
        ),
        ControlRow(
            "score with learned weights in a random order",
            "necessity.reordered_score.mean",
            (
                ("uniform weights", "necessity.uniform_score.mean"),
                ("learned weights", "necessity.learned_score.mean"),
            ),
            "If such weights score as well as learned weights, it does not matter which word "
            "gets which weight.",
        ),
        ControlRow(
            "attention learned from shuffled labels: distance (JSD)",
            "seed_baseline.permuted_jsd.mean",
            (("between seeds", "seed_baseline.jsd.mean_over_seeds"),),
            "If a model that learned shuffled labels attends like the audited model, the "
            "attention does not come from the task.",
        ),
        ControlRow(
            "no weight on words: change of answers (TVD)",
            "seed_baseline.control.erased.tvd.mean",
            (("between seeds", "seed_baseline.tvd.mean"),),
            "If the answers stay the same although all weights on the words are 0, the model "
            "can answer without this attention.",
        ),
        ControlRow(
            "all layers uniform: change of answers (TVD)",
            "seed_baseline.control.uniform_layers.tvd.mean",
            (("between seeds", "seed_baseline.tvd.mean"),),
            "If the answers stay the same although all layers have uniform attention, the "
            "model does not need its attention to answer.",
        ),
    ),
)
