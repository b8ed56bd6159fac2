"""Metrics of `compare-readings`.

Readings are of the attention, and have a direction; what importances do is there to be compared
with. Plausibility speaks neither way.
"""

from __future__ import annotations

from collections.abc import Iterator

from attnaudit.records.metric import LEAST_MEAN, TAU, UNIT, Direction, MetricSpec

_ERASER = "DeYoung et al. 2020 (ERASER)"
_ZHAO = "Zhao & Aletras 2023"
_EDIN = "Edin et al. 2025"
_SHARES = "mean over r in 1, 5, 10, 20, 50 % (rounded up) of"
_GAMED = (
    "A model can be built that has a good score and the same answers: erased texts are "
    "recognisable (Hsia et al. 2024)."
)
_BY = (
    "The operator is how words are erased: from the text (delete), by a mask token (mask), or by "
    "an attention weight of 0 (weight)."
)
_SOFTLY = (
    "soft: q is the score, stretched to [0, 1]. A ranking with many large scores then keeps more, "
    "and looks more sufficient. even: q is scaled so that every ranking keeps half of all numbers. "
    "It is this tool's own way to the equal retention that Huang & Chan 2026 ask for. Undefined "
    "where the model is as sure without any word."
)
_ORDER = f"Another operator may put rankings in another order. {_GAMED}"


def _each(
    stem: str,
    definition: str,
    unit: str,
    direction: Direction,
    bounds: tuple[float | None, float | None],
    formula: str,
    beside: tuple[str, ...],
    traps: str,
    source: str,
) -> Iterator[MetricSpec]:
    """A figure of readings, which has a direction, and of importances, which has none."""
    for ranking, way in (
        ("{reading}", direction),
        ("{measure}", "neutral"),
        ("{attribution}", "neutral"),
    ):
        yield MetricSpec(
            f"compare_readings.{stem}.{ranking}",
            definition.format(ranking=ranking, operator="{operator}", softness="{softness}"),
            unit,
            way,
            LEAST_MEAN,
            bounds,
            formula=formula,
            beside=tuple(f"compare_readings.{other}" for other in beside),
            traps=traps,
            source=source,
        )


SPECS = (
    *_each(
        "{operator}.comprehensiveness",
        "How much the probability of the predicted class falls when the top words of {ranking} "
        "are erased by {operator}.",
        "probability",
        "higher",
        (-1.0, 1.0),
        f"{_SHARES} p(x) - p(x without the top r), p of the predicted class",
        ("delete.comprehensiveness.random", "{operator}.sufficiency.{reading}"),
        f"{_BY} {_ORDER}",
        _ERASER,
    ),
    *_each(
        "{operator}.sufficiency",
        "How much the probability of the predicted class falls when all words but the top words "
        "of {ranking} are erased by {operator}.",
        "probability",
        "lower",
        (-1.0, 1.0),
        f"{_SHARES} p(x) - p(the top r of x alone), p of the predicted class",
        ("delete.sufficiency.random", "{operator}.comprehensiveness.{reading}"),
        f"{_BY} {_ORDER}",
        _ERASER,
    ),
    *_each(
        "{operator}.gain",
        "The comprehensiveness of {ranking} less that of the mean of the heads, text by text, "
        "where words are erased by {operator}.",
        "probability",
        "neutral",
        (-2.0, 2.0),
        "mean over texts of comprehensiveness({ranking}) - comprehensiveness(mean)",
        ("delete.comprehensiveness.mean",),
        f"It is one of many comparisons: the table of the order corrects for that. {_ORDER}",
        "this tool's own",
    ),
    *_each(
        "{operator}.flip_fraction",
        "The mean share of the words that must be erased by {operator}, in the order of "
        "{ranking}, until the decision flips.",
        "fraction",
        "lower",
        UNIT,
        "mean of (words erased at the first flip) / words; 1 where no erasure flips it",
        ("weight.flip_fraction.random",),
        f"A text from which words are deleted keeps its last word. {_ORDER}",
        "Serrano & Smith 2019, section 5, who erase items",
    ),
    *_each(
        "{operator}.naopc",
        "Where the score of {ranking} lies between the least (0) and the greatest (1) that any "
        "order of the words can have in that text, if words are erased one by one by {operator}.",
        "fraction",
        "higher",
        UNIT,
        "mean of (A - min A) / (max A - min A), A the mean of p(x) - p(x without the top k), "
        "k = 1 .. n - 1",
        ("weight.naopc.random", "{operator}.range"),
        "In texts of more than 12 words a search finds the ends, and may miss better ones. Longer "
        f"texts than --longest are left out. {_ORDER}",
        _EDIN,
    ),
    MetricSpec(
        "compare_readings.{operator}.range",
        "How far the greatest score that any order of the words can have lies above the least, if "
        "words are erased one by one by {operator}.",
        "probability",
        "neutral",
        LEAST_MEAN,
        (0.0, 2.0),
        formula="mean of max A - min A; A as in `compare_readings.{operator}.naopc.{reading}`",
        beside=("compare_readings.{operator}.naopc.{reading}",),
        traps="If it is about 0, the answer does not depend on which words are erased, and no "
        "ranking can do well.",
        source=_EDIN,
    ),
    *_each(
        "{softness}.normalised_comprehensiveness",
        "How much the probability of the predicted class falls when parts of words are erased, "
        "large ones of those that {ranking} ranks high ({softness}), as a share of the fall "
        "without any word.",
        "fraction",
        "higher",
        UNIT,
        "mean of min(1, max(0, p(x) - p(x')) / (p(x) - p(nothing))), p(x') the mean over draws; "
        "each number of an embedding is kept with probability 1 - q",
        ("even.normalised_comprehensiveness.random",),
        f"{_SOFTLY} {_GAMED}",
        _ZHAO,
    ),
    *_each(
        "{softness}.normalised_sufficiency",
        "How little the probability of the predicted class falls when parts of words are erased, "
        "small ones of those that {ranking} ranks high ({softness}): 1 less the share of the fall "
        "without any word.",
        "fraction",
        "higher",
        UNIT,
        "mean of 1 - min(1, max(0, p(x) - p(x')) / (p(x) - p(nothing))), p(x') the mean over "
        "draws; each number of an embedding is kept with probability q",
        ("even.normalised_sufficiency.random",),
        f"Here more is better, unlike in the sufficiency of ERASER. {_SOFTLY} {_GAMED}",
        _ZHAO,
    ),
    *_each(
        "tau",
        "How alike {ranking} and leave-one-out rank the words.",
        "rank correlation",
        "higher",
        TAU,
        "mean over texts of Kendall's tau-b with TVD(p(x without word w), p(x))",
        ("tau.random",),
        "Leave-one-out is no ground truth: if two words say the same, neither of them seems to "
        "matter.",
        "Jain & Wallace 2019, section 4.1",
    ),
    *_each(
        "token_f1",
        "How well the top words of {ranking} match the words that people marked, as many as are "
        "marked.",
        "fraction",
        "neutral",
        UNIT,
        "mean of the F1 of the chosen words against the marked ones",
        ("token_f1.random",),
        "It measures agreement with people. It is no evidence that the model works in the same "
        "way.",
        _ERASER,
    ),
    *_each(
        "auprc",
        "How well {ranking} puts the words that people marked above all others.",
        "fraction",
        "neutral",
        UNIT,
        "mean of the average precision of the scores",
        ("auprc.random",),
        "It measures agreement with people. It is no evidence that the model works in the same "
        "way.",
        _ERASER,
    ),
)
