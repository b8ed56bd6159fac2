"""Metrics of how alike models of the recipe attend."""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, UNIT, MetricSpec

S, KAPPA = "stability.s", "stability.kappa"
AGREEMENT, JSD_MEAN = "stability.top_agreement.mean", "stability.jsd.mean"
SHUFFLED = "stability.shuffled_jsd.mean"
ALIKE = (-1.0, 1.0)  # of s and kappa: -1 where two words swap all their weight

_PRETRAINED = (
    " Models that start from the same pretrained weights are more alike than models trained "
    "from scratch."
)
_SEEDS = "this tool's own, on the question of Wiegreffe & Pinter 2019, section 3.3"

STABILITY_SPECS = (
    MetricSpec(
        S,
        "How alike two models of the recipe attend: 1 if their attention is identical, 0 if it "
        "is no more alike than after the weights of one model are shuffled.",
        "agreement",
        "higher",
        LEAST_MEAN,
        ALIKE,
        formula="1 - sum of JSD(p, q) / sum of mean JSD(p, shuffled q), sums over all pairs of "
        "models, the audited one among them, and texts of two words and more",
        beside=(KAPPA, JSD_MEAN, SHUFFLED, "stable"),
        traps="Models that choose between two words in each text can still reach about .5, so "
        "look at kappa as well. If attention is flat, shuffling hardly changes it, and s "
        f"says little.{_PRETRAINED}",
        source=f"{_SEEDS}; the form is that of Lin 1989, Biometrics 45 (concordance)",
    ),
    MetricSpec(
        KAPPA,
        "How often two models of the recipe give their largest weight to the same word, "
        "corrected for chance: 1 is always, 0 is as often as for random words.",
        "agreement",
        "higher",
        LEAST_MEAN,
        ALIKE,
        formula="(a - c) / (1 - c), a the mean of [same top word] over pairs and texts, c the mean "
        "of 1 / words; texts of two words and more",
        beside=(AGREEMENT, S, "stable"),
        traps="It looks only at the top word. If several words share the largest weight, the "
        f"first one counts.{_PRETRAINED}",
        source="Brennan & Prediger 1981, Educational and Psychological Measurement 41",
    ),
    MetricSpec(
        AGREEMENT,
        "How often two models of the recipe give their largest weight to the same word.",
        "fraction",
        "higher",
        LEAST_MEAN,
        UNIT,
        formula="mean over pairs and texts of [same top word]; texts of two words and more",
        beside=(KAPPA,),
        traps="In short texts it is high by chance. kappa corrects for this.",
        source=_SEEDS,
    ),
    MetricSpec(
        JSD_MEAN,
        "How far apart the attention of two models of the recipe is, as a mean over all pairs "
        "and texts.",
        "nats",
        "lower",
        LEAST_MEAN,
        JSD,
        formula="mean over pairs and texts of JSD(p, q); texts of two words and more",
        beside=(SHUFFLED, S),
        traps="If attention is flat, this is always small. Compare it with the value for "
        "shuffled attention.",
        source=_SEEDS,
    ),
    MetricSpec(
        SHUFFLED,
        "A control: how far apart the attention of two models of the recipe is after the "
        "weights of one of them were shuffled among the words.",
        "nats",
        "neutral",
        LEAST_MEAN,
        JSD,
        formula="mean over pairs and texts of 1/n sum_ij phi(p_i, q_j), phi(x, y) = (x ln x + y ln "
        "y - (x + y) ln((x + y) / 2)) / 2; texts of n = 2 words and more",
        beside=(JSD_MEAN, S),
        traps="Near 0 the attention is flat, and nothing can be said about how stable it is.",
        source=_SEEDS,
    ),
)
