"""Metrics of `patterns`."""

from __future__ import annotations

from attnaudit.questions.patterns.guides import (
    ATTENTION_BEST,
    ATTENTION_GREEDY,
    INFLUENCE,
    LEVELS,
    NEGATIVE,
    NOTHING,
    POSITIVE,
    RANDOM,
)
from attnaudit.records.metric import LEAST_MEAN, UNIT, MetricSpec

_LU = "Lu et al. 2021"
_OPEN = (None, None)
_COUNT = (0.0, None)
_CHOSEN = {
    INFLUENCE: "that guided refinement finds by influence",
    ATTENTION_GREEDY: "that the largest attention weight of each layer leads along",
    ATTENTION_BEST: "with the largest product of attention weights",
    RANDOM: "drawn at random",
}
_LEVEL = {
    "positions": "through one position of each layer",
    "heads": "through one position of each layer and one head, or past all heads",
}
_TRAPS = {
    INFLUENCE: "Refinement is greedy: another pattern may carry more. Parts of a word's influence "
    "can cancel each other, so that a pattern can carry more than the whole, or less than nothing.",
    ATTENTION_GREEDY: "Each step takes the largest weight alone, wherever it leads. It always goes "
    "through a head, and never past all heads.",
    ATTENTION_BEST: "The half that attention rollout gives to the way past the heads is a choice, "
    "and decides much: most such patterns stay at their word until the last layer.",
    RANDOM: "One pattern a word is drawn.",
}


def _shares() -> list[MetricSpec]:
    return [
        MetricSpec(
            f"patterns.share.{name}.{level}",
            f"How much of the influence of words goes along the patterns {chosen}, "
            f"{_LEVEL[level]}.",
            "fraction",
            "neutral",
            LEAST_MEAN,
            _OPEN,
            formula="mean over texts of sum_w s_w I(pattern of w) / sum_w |I(w)|, s_w the sign of "
            "I(w)",
            beside=(f"patterns.share.{RANDOM if name != RANDOM else INFLUENCE}.{level}",),
            traps=_TRAPS[name],
            source=_LU if name != ATTENTION_BEST else "after Abnar & Zuidema 2020",
        )
        for name, chosen in _CHOSEN.items()
        for level in LEVELS
    ]


_KEEP = {
    **{name: f"the patterns {chosen}" for name, chosen in _CHOSEN.items()},
    POSITIVE: "patterns by influence of the words that speak for the answer",
    NEGATIVE: "patterns by influence of the words that speak against the answer",
    NOTHING: "no pattern",
}
_REPLACED = (
    "What is replaced is as it would be without the words, and is mixed with states of the text: "
    "the model was never trained on such states."
)


def _ablations() -> list[MetricSpec]:
    made = []
    for name, kept in _KEEP.items():
        for level in LEVELS:
            rest = "states" if level == "positions" else "heads and ways past them"
            beside = (f"patterns.ablation.{RANDOM if name != RANDOM else INFLUENCE}.{level}.tvd",)
            made += [
                MetricSpec(
                    f"patterns.ablation.{name}.{level}.tvd",
                    f"How far the answers move if {kept} are kept, and all other {rest} are those "
                    "of the baseline.",
                    "total variation distance",
                    "neutral",
                    LEAST_MEAN,
                    UNIT,
                    formula="mean of TVD(p(only the patterns kept), p)",
                    beside=beside,
                    traps="Who keeps more, keeps the answer more easily: the table says how much is"
                    f" kept. {_REPLACED}",
                    source=_LU,
                ),
                MetricSpec(
                    f"patterns.ablation.{name}.{level}.flips",
                    f"How often the answer becomes another class if {kept} are kept, and all other "
                    f"{rest} are those of the baseline.",
                    "fraction",
                    "neutral",
                    LEAST_MEAN,
                    UNIT,
                    formula="mean of [argmax p(only the patterns kept) != argmax p]",
                    beside=beside,
                    traps=f"The baseline itself may give the same class: compare with no pattern. "
                    f"{_REPLACED}",
                    source=_LU,
                ),
            ]
    return made


_OVERLAP = {
    name: MetricSpec(
        f"patterns.overlap.{name}",
        f"How often the pattern by influence and the one {_CHOSEN[name]} are at the same position.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts, words and layers below the last of [same position]",
        beside=(f"patterns.overlap.{RANDOM if name != RANDOM else ATTENTION_GREEDY}",),
        traps="Both may stay at the word in low layers, whatever attention does there.",
        source="this tool's own",
    )
    for name in _CHOSEN
    if name != INFLUENCE
}

CHECKS = (
    MetricSpec(
        "patterns.conservation.mean",
        "How far influences are from the sum of those that a refinement splits them up into: a "
        "check.",
        "log-odds",
        "neutral",
        LEAST_MEAN,
        _COUNT,
        formula="mean over texts of the largest |I(pattern) - sum of its refinements| of any word "
        "and layer",
        beside=("patterns.pairs.mean",),
        traps="It must be 0 but for rounding, whatever the number of points is. It says that the "
        "sums are right, not that the patterns are.",
        source=_LU,
    ),
    MetricSpec(
        "patterns.pairs.mean",
        "How far the influence of a word is from the sum over all pairs of positions in the first "
        "two layers: the authors' own check.",
        "log-odds",
        "neutral",
        LEAST_MEAN,
        _COUNT,
        formula="mean over texts of |I(w) - sum_ij I(w, i, j)|, w a random word",
        beside=("patterns.conservation.mean",),
        traps="One word of each text. The authors ask for 5 decimals.",
        source=f"{_LU}, their code",
    ),
    MetricSpec(
        "patterns.completeness.mean",
        "How far the influences of all words are from the change of the answer between baseline "
        "and text: the error of the integral.",
        "log-odds",
        "neutral",
        LEAST_MEAN,
        _COUNT,
        formula="mean over texts of |sum_w I(w) - (q(text) - q(baseline))|, q the log-odds",
        beside=("patterns.conservation.mean",),
        traps="More points (--steps) make it smaller. It can be small if single words are wrong.",
        source="Sundararajan et al. 2017, section 3",
    ),
)

SPECS = (
    *_shares(),
    *_OVERLAP.values(),
    MetricSpec(
        "patterns.past.mean",
        "How often the pattern by influence goes past all heads of a layer, so that no weight of "
        "that layer has a part in it.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts, words and layers of [the pattern takes the way past the heads]",
        beside=(f"patterns.share.{INFLUENCE}.heads",),
        traps="That way is the skip connection; in some architectures a part of the layer runs "
        "beside the attention, and is counted with it. A pattern that moves to another position "
        "must take a head.",
        source=_LU,
    ),
    *_ablations(),
    *CHECKS,
)
