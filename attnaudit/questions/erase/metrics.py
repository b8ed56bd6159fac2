"""Metrics of `erase`.

Only what attention itself does speaks for or against it; what other orders do is there to be
compared with. Plausibility speaks neither way: it is no evidence of faithfulness.
"""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, UNIT, Direction, MetricSpec

_SINGLE = "Serrano & Smith 2019, section 4"
_FLIPS = "Serrano & Smith 2019, section 5"
_ERASER = "DeYoung et al. 2020 (ERASER)"
_ITEMS = (
    "An item is a vector that the attention reads, not a word: other items may still know of the "
    "erased one."
)
_DELETED = "Texts with deleted words are unlike those that the model was trained on."
_PEOPLE = "It is agreement with people, and no evidence that the model works that way."


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
    """A figure of attention, which has a direction, and of `other` rankings, which have none."""
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
            (f"{{{other}}}", "neutral", "attention"),
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
    _single(
        "jsd_difference.mean",
        "How much more the answer changes without the item of largest attention than without a "
        "random other item.",
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
        "The share of texts in which a random other item changes the answer more than the top "
        "item, among texts where the weights of the two differ by more than .4.",
        "the mean of `erase.single.negative` where a_top - a_random > .4",
        ("negative",),
        "Often few texts have so large a gap; look at n.",
        direction="lower",
    ),
    _single(
        "flips.both",
        "The share of texts whose decision flips without the item of largest attention, and also "
        "without a random other item.",
        "mean of [flips without top] [flips without random]",
        ("flips.top_only", "flips.random_only", "flips.neither"),
    ),
    _single(
        "flips.top_only",
        "The share of texts whose decision flips without the item of largest attention only.",
        "mean of [flips without top] [stays without random]",
        ("flips.random_only", "mcnemar_p"),
        direction="higher",
    ),
    _single(
        "flips.random_only",
        "The share of texts whose decision flips without the random other item only.",
        "mean of [stays without top] [flips without random]",
        ("flips.top_only", "mcnemar_p"),
        direction="lower",
    ),
    _single(
        "flips.neither",
        "The share of texts whose decision stays without the item of largest attention, and also "
        "without the random other item.",
        "mean of [stays without top] [stays without random]",
        ("flips.both",),
        "One item is seldom enough to flip a decision, so a large share says little.",
    ),
    _single(
        "spearman",
        "Whether the answer changes more for a larger gap in attention: the rank correlation over "
        "texts between the two.",
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
        "It takes texts as independent, also where they belong to groups. A small value does not "
        "say which of the two flips more.",
        unit="probability",
        source="McNemar 1947; the test of two erasures: Serrano & Smith 2019, section 4",
    ),
    *_ranked(
        "erase.flip_fraction",
        "criterion",
        "How much must be erased, in the order of {ranking}, until the decision flips: the mean "
        "share of the items.",
        "fraction",
        "lower",
        formula="mean of (items erased at the first flip) / items; 1 where no erasure flips it",
        traps=f"{_ITEMS} Decisions that never flip count as 1, and `optimum` is known for short "
        "texts only.",
        source=_FLIPS,
        beside=("erase.all.flips",),
    ),
    *_ranked(
        "erase.never_flips",
        "criterion",
        "The share of texts whose decision no erasure in the order of {ranking} flips.",
        "fraction",
        "neutral",
        formula="mean of [the decision never flips]; of random, also over the shuffles",
        traps="A model that answers this class by default never flips, whatever the order.",
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
        traps="Near 0 the answer goes around the attention, so no erasure of weights can matter.",
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
        traps="Where it is small, the decision does not pass through the audited attention.",
        source="this tool's own",
    ),
    MetricSpec(
        "erase.residual_ratio.mean",
        "How large the output of the audited attention is beside the residual that it is added to "
        "and that bypasses it.",
        "ratio of norms",
        "neutral",
        LEAST_MEAN,
        (0.0, None),
        formula="mean of ||attention output|| / ||residual||",
        beside=("erase.all.tvd.mean",),
        traps="A small vector may still decide, and a large one may not. It exists for models "
        "that show their residual.",
        source="this tool's own; compare Kobayashi et al. 2021",
    ),
    _unsupported(
        "attention",
        "The share of judged texts in which the highlighted words do not carry the answer: "
        "setting their weights to zero moves it no more than for other words.",
        ("random", "not_judged"),
        "A text that passes proves nothing: chance passes too, and attention that lies beside the "
        "evidence can pass. Where all content erased moves no answer, every text is unsupported.",
        "lower",
    ),
    _unsupported(
        "random",
        "The share of judged texts that are unsupported when the model's own weights are shuffled "
        "among the words: what a heatmap has that says nothing.",
        ("attention",),
        "It is below 1: a random choice of words can hold those that decide.",
    ),
    _unsupported(
        "deleted",
        "The share of judged texts in which deleting the highlighted words moves the answer no "
        "more than deleting other words.",
        ("attention",),
        f"{_DELETED} Deleting other words moves answers too, so that honest attention fails often.",
        formula="mean of [TVD(p(x without S), p) <= max(.01, largest TVD of a draw)], S the words",
    ),
    _unsupported(
        "not_judged",
        "The share of texts that have too few words for a comparison with other words.",
        ("attention",),
        "These texts count neither as supported nor as unsupported.",
        formula="mean of [fewer than 5 different draws of other words]",
    ),
    *_ranked(
        "erase.comprehensiveness",
        "measure",
        "How much the predicted class loses when the top words by {ranking} are deleted from the "
        "text.",
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
        "How much the predicted class loses when only the top words by {ranking} are kept.",
        "probability",
        "lower",
        _SIGNED,
        formula=f"{_SHARES} p_j(x) - p_j(only the top r), j the predicted class",
        traps=f"{_DELETED} A model that answers a class by default loses little, whatever is kept.",
        source=_ERASER,
        beside=("comprehensiveness",),
    ),
    *_ranked(
        "plausibility.token_f1",
        "measure",
        "How well the top words by {ranking} are the words that people marked, with as many words "
        "as people marked.",
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
        "How well the runs of top words by {ranking} are the runs of words that people marked.",
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
        "Average precision: how well the scores of {ranking} rank the words that people marked "
        "above the others.",
        "fraction",
        "neutral",
        formula="mean of sum_k (R_k - R_(k-1)) P_k, P and R precision and recall at each score",
        traps=f"{_PEOPLE} A constant score has the share of marked words, not 0.",
        source=f"{_ERASER}, whose own AUPRC is trapezoidal: see plausibility.auprc_trapezoidal",
        beside=("AUPRC", "plausibility.auprc_trapezoidal.attention"),
    ),
    *_ranked(
        "plausibility.auprc_trapezoidal",
        "measure",
        "The AUPRC as ERASER computes it: the area under straight lines between the points of the "
        "precision-recall curve of {ranking}.",
        "fraction",
        "neutral",
        formula="mean of sum_k (R_k - R_(k-1)) (P_k + P_(k-1)) / 2, R_0 = 0, P_0 = 1",
        traps=f"{_PEOPLE} Straight lines flatter (Davis & Goadrich 2006): a constant score has "
        "(1 + s) / 2, s the share of marked words.",
        source=f"{_ERASER}, section 4.1",
        beside=("AUPRC", "plausibility.auprc.attention"),
    ),
)
