"""Metrics of `erase`.

Only what attention itself does speaks for or against it; what other orders do is there to be
compared with. Plausibility speaks neither way: it is no evidence of faithfulness.
"""

from __future__ import annotations

from attnaudit.questions.text_facts import no_reading
from attnaudit.records.metric import LEAST_MEAN, LEAST_SCORE, UNIT, Direction, MetricSpec

_SINGLE = "Serrano & Smith 2019, section 4"
_FLIPS = "Serrano & Smith 2019, section 5"
_ERASER = "DeYoung et al. 2020 (ERASER)"
_ITEMS = (
    "An item is a vector that the attention reads, not a word: other items may still contain "
    "the erased word."
)
_DELETED = "Texts with deleted words are unlike those that the model was trained on."
_PEOPLE = (
    "It measures agreement with people. It is no evidence that the model works in the same way."
)


def _single(
    name: str,
    definition: str,
    formula: str,
    beside: tuple[str, ...],
    traps: str = _ITEMS,
    unit: str = "fraction",
    direction: Direction = "neutral",
    bounds: tuple[float | None, float | None] = UNIT,
    source: str = _SINGLE,
) -> MetricSpec:
    return MetricSpec(
        f"erase.single.{name}",
        definition,
        unit,
        direction,
        LEAST_MEAN,
        bounds,
        formula=formula,
        beside=tuple(f"erase.single.{other}" for other in beside),
        traps=traps,
        source=source,
    )


def _rightness(name: str, definition: str, formula: str, traps: str) -> MetricSpec:
    others = [other for other in ("attention", "uniform", "confidence") if other != name]
    return MetricSpec(
        f"erase.rightness.auroc.{name}",
        definition,
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula=formula,
        beside=tuple(f"erase.rightness.auroc.{other}" for other in others),
        traps=traps,
        source="after Yuksekgonul et al. 2024, whose predictor is trained on all heads and layers",
    )


def _ranked(
    stem: str,
    other: str,
    definition: str,
    unit: str,
    direction: Direction,
    bounds: tuple[float | None, float | None] = UNIT,
    *,
    formula: str,
    traps: str,
    source: str,
    beside: tuple[str, ...] = (),
) -> list[MetricSpec]:
    """A figure of attention, which has a direction, and of `other` rankings, which have none.

    Where these are importances, attributions are among them.
    """
    others = (other, "attribution") if other == "measure" else (other,)
    return [
        MetricSpec(
            f"{stem}.{ranking}",
            definition.format(ranking=ranking),
            unit,
            way,
            LEAST_MEAN,
            bounds,
            formula=formula,
            beside=(f"{stem}.{against}", *beside),
            traps=traps,
            source=source,
        )
        for ranking, way, against in (
            ("attention", direction, "random"),
            *((f"{{{each}}}", "neutral", "attention") for each in others),
        )
    ]


def _unsupported(
    name: str,
    definition: str,
    beside: tuple[str, ...],
    traps: str,
    direction: Direction = "neutral",
    formula: str = "mean of [TVD(p(a without S), p) <= max(.01, largest TVD of a draw)], S the "
    "words",
) -> MetricSpec:
    return MetricSpec(
        f"erase.unsupported.{name}",
        definition,
        "fraction",
        direction,
        LEAST_MEAN,
        UNIT,
        formula=formula,
        beside=(*(f"erase.unsupported.{other}" for other in beside), "supported"),
        traps=traps,
        source="this tool's own; weights set to zero as in Serrano & Smith 2019, section 3, but "
        "not scaled up",
    )


_SIGNED = (-1.0, 1.0)
_SHARES = "mean over r in 1, 5, 10, 20, 50 % (rounded up) of"

SPECS = (
    no_reading("erase"),
    _single(
        "jsd_difference.mean",
        "How much more the answer changes when the item of largest attention is erased than "
        "when a random other item is erased.",
        "mean of JSD(p(no top item), p) - JSD(p(no random item), p)",
        ("negative", "spearman"),
        unit="nats",
        direction="higher",
        bounds=_SIGNED,
    ),
    _single(
        "negative",
        "The share of texts in which erasing a random other item changes the answer more than "
        "erasing the item of largest attention.",
        "mean of [JSD(p(no top item), p) < JSD(p(no random item), p)]",
        ("negative_large_gap", "jsd_difference.mean"),
        direction="lower",
    ),
    _single(
        "negative_large_gap",
        "The share of texts in which erasing a random other item changes the answer more than "
        "erasing the top item, among texts where their weights differ by more than .4.",
        "the mean of `erase.single.negative` where a_top - a_random > .4",
        ("negative",),
        "Often few texts have such a large gap, so look at n.",
        direction="lower",
    ),
    _single(
        "flips.both",
        "The share of texts whose decision flips when the item of largest attention is erased, "
        "and also when a random other item is erased.",
        "mean of [flips without top] [flips without random]",
        ("flips.top_only", "flips.random_only", "flips.neither"),
    ),
    _single(
        "flips.top_only",
        "The share of texts whose decision flips when the item of largest attention is erased, "
        "but not when a random other item is erased.",
        "mean of [flips without top] [stays without random]",
        ("flips.random_only", "mcnemar_p"),
        direction="higher",
    ),
    _single(
        "flips.random_only",
        "The share of texts whose decision flips when a random other item is erased, but not "
        "when the item of largest attention is erased.",
        "mean of [stays without top] [flips without random]",
        ("flips.top_only", "mcnemar_p"),
        direction="lower",
    ),
    _single(
        "flips.neither",
        "The share of texts whose decision flips neither when the item of largest attention is "
        "erased nor when a random other item is erased.",
        "mean of [stays without top] [stays without random]",
        ("flips.both",),
        "One item is seldom enough to flip a decision, so a large share says little.",
    ),
    _single(
        "spearman",
        "Whether erasing the top item matters more where its weight exceeds the random item's "
        "by more, as a rank correlation over texts.",
        "Spearman correlation of a_top - a_random with the difference of the two JSDs",
        ("jsd_difference.mean",),
        unit="rank correlation",
        direction="higher",
        bounds=_SIGNED,
    ),
    _single(
        "mcnemar_p",
        "The p-value of a test that the top item and the random item flip decisions equally often.",
        "exact binomial test of [top only] against [random only] at 1/2, two-sided",
        ("flips.top_only", "flips.random_only"),
        "It treats texts as independent, even if they belong to groups. A small value does not "
        "say which of the two flips more decisions.",
        unit="probability",
        source="McNemar 1947; the test of two erasures: Serrano & Smith 2019, section 4",
    ),
    *_ranked(
        "erase.flip_fraction",
        "criterion",
        "The mean share of the items that must be erased, in the order of {ranking}, until "
        "the decision flips.",
        "fraction",
        "lower",
        formula="mean of (items erased at the first flip) / items; 1 where no erasure flips it",
        traps=f"{_ITEMS} Decisions that never flip count as 1. `optimum`, the best possible "
        "order, is known for short texts only.",
        source=_FLIPS,
        beside=("erase.all.flips",),
    ),
    *_ranked(
        "erase.never_flips",
        "criterion",
        "The share of texts whose decision never flips, however many items are erased in the "
        "order of {ranking}.",
        "fraction",
        "neutral",
        formula="mean of [the decision never flips]; of random, also over the shuffles",
        traps="A model that gives this class by default never flips, in any order.",
        source=_FLIPS,
        beside=("erase.all.flips",),
    ),
    MetricSpec(
        "erase.all.tvd.mean",
        "How far the answers move on average when all attention weights on the content are set "
        "to 0: a control.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of TVD(p(content weights 0), p)",
        beside=("erase.flip_fraction.attention", "erase.residual_ratio.mean"),
        traps="Near 0 the answer goes around the attention, so erasing weights cannot matter.",
        source="this tool's own",
    ),
    MetricSpec(
        "erase.all.flips",
        "The share of texts whose decision flips when all attention weights on the content are "
        "set to 0: a control.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of [argmax p(content weights 0) differs from argmax p]",
        beside=("erase.never_flips.attention",),
        traps="If it is small, the decision does not pass through the audited attention.",
        source="this tool's own",
    ),
    MetricSpec(
        "erase.residual_ratio.mean",
        "How large the output of the audited attention is, divided by the residual: the vector "
        "that goes around the attention and is added to it.",
        "ratio of norms",
        "neutral",
        LEAST_MEAN,
        (0.0, None),
        formula="mean of ||attention output|| / ||residual||",
        beside=("erase.all.tvd.mean",),
        traps="A small output may still decide, and a large output may not. It exists only for "
        "models that show their residual.",
        source="this tool's own; compare Kobayashi et al. 2021",
    ),
    _unsupported(
        "attention",
        "The share of judged texts whose answer moves no more when the weights of the "
        "highlighted words are set to zero than when those of other words are.",
        ("random", "not_judged"),
        "A supported text proves nothing: random heatmaps can pass, and so can attention that "
        "lies next to the evidence. If no weights move the answers, every text is unsupported.",
        "lower",
    ),
    _unsupported(
        "random",
        "The share of judged texts that are unsupported when the model's own weights are "
        "shuffled among the words, so that the heatmap says nothing.",
        ("attention",),
        "It is below 1, because words chosen at random can include those that decide.",
    ),
    _unsupported(
        "deleted",
        "The share of judged texts whose answer moves no more when the highlighted words are "
        "deleted than when other words are.",
        ("attention",),
        f"{_DELETED} Deleting other words moves answers, too, so honest attention often fails "
        "here.",
        formula="mean of [TVD(p(x without S), p) <= max(.01, largest TVD of a draw)], S the words",
    ),
    _unsupported(
        "not_judged",
        "The share of texts that have too few words to compare the highlighted words with others.",
        ("attention",),
        "These texts count neither as supported nor as unsupported.",
        formula="mean of [fewer than 5 different draws of other words]",
    ),
    *_ranked(
        "erase.comprehensiveness",
        "measure",
        "How much the probability of the predicted class falls when the top words by "
        "{ranking} are deleted from the text.",
        "probability",
        "higher",
        _SIGNED,
        formula=f"{_SHARES} p_j(x) - p_j(x without the top r), j the predicted class",
        traps=_DELETED,
        source=_ERASER,
        beside=("sufficiency",),
    ),
    *_ranked(
        "erase.sufficiency",
        "measure",
        "How much the probability of the predicted class falls when only the top words by "
        "{ranking} are kept.",
        "probability",
        "lower",
        _SIGNED,
        formula=f"{_SHARES} p_j(x) - p_j(only the top r), j the predicted class",
        traps=f"{_DELETED} A model that gives this class by default loses little, no matter which "
        "words are kept.",
        source=_ERASER,
        beside=("comprehensiveness",),
    ),
    *_ranked(
        "plausibility.token_f1",
        "measure",
        "How well the top words by {ranking} match the words that people marked, if both are "
        "equally many.",
        "fraction",
        "neutral",
        formula="mean of 2 |top and marked| / (|top| + |marked|), |top| = |marked|",
        traps=_PEOPLE,
        source=f"{_ERASER}; Jacovi & Goldberg 2020",
        beside=("plausibility",),
    ),
    *_ranked(
        "plausibility.iou_f1",
        "measure",
        "How well runs of neighbouring top words by {ranking} match the runs of words that "
        "people marked.",
        "fraction",
        "neutral",
        formula="mean F1 of runs; a run is right if intersection / union with a marked run >= .5",
        traps=_PEOPLE,
        source=f"{_ERASER}, section 4.1",
        beside=("plausibility",),
    ),
    *_ranked(
        "plausibility.auprc",
        "measure",
        "How well the scores of {ranking} put the words that people marked above all others, "
        "as average precision.",
        "fraction",
        "neutral",
        formula="mean of sum_k (R_k - R_(k-1)) P_k, P and R precision and recall at each score",
        traps=f"{_PEOPLE} A score that is the same for all words gets the share of marked words, "
        "not 0.",
        source=f"{_ERASER}, whose own AUPRC is trapezoidal: see plausibility.auprc_trapezoidal",
        beside=("AUPRC", "plausibility.auprc_trapezoidal.attention"),
    ),
    *_ranked(
        "plausibility.auprc_trapezoidal",
        "measure",
        "How well the scores of {ranking} put the words that people marked above all others, "
        "as the AUPRC that ERASER computes with straight lines.",
        "fraction",
        "neutral",
        formula="mean of sum_k (R_k - R_(k-1)) (P_k + P_(k-1)) / 2, R_0 = 0, P_0 = 1",
        traps=f"{_PEOPLE} Straight lines give values that are too large (Davis & Goadrich 2006): "
        "a constant score gets (1 + s) / 2, where s is the share of marked words.",
        source=f"{_ERASER}, section 4.1",
        beside=("AUPRC", "plausibility.auprc.attention"),
    ),
    _rightness(
        "attention",
        "How well the attention on the words that people marked tells texts with a right answer "
        "from texts with a wrong one.",
        "P(m(x) > m(x')) + P(m(x) = m(x')) / 2, x answered right and x' wrong, m the share of the "
        "attention on the marked words",
        "It may follow from how many words are marked, so compare it with uniform attention. It "
        "shows that the two go together, not that the one causes the other.",
    ),
    _rightness(
        "uniform",
        "How well the share of words that people marked, which is what uniform attention would "
        "give them, tells texts with a right answer from texts with a wrong one: a control.",
        "P(s(x) > s(x')) + P(s(x) = s(x')) / 2, x answered right and x' wrong, s the share of "
        "words that are marked",
        "Above .5 texts are easier if people mark more of their words.",
    ),
    _rightness(
        "confidence",
        "How well the model's probability of its answer tells texts with a right answer from texts "
        "with a wrong one, for comparison.",
        "P(c(x) > c(x')) + P(c(x) = c(x')) / 2, x answered right and x' wrong, c the largest "
        "probability",
        "It says nothing about attention.",
    ),
)
