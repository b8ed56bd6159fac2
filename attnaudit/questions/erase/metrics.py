"""Metrics of `erase`.

Only what attention itself does speaks for or against it; what other orders do is there to be
compared with. Plausibility speaks neither way: it is no evidence of faithfulness.
"""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, UNIT, Direction, MetricSpec


def _single(
    name: str,
    definition: str,
    unit: str = "fraction",
    direction: Direction = "neutral",
    bounds: tuple[float | None, float | None] = UNIT,
) -> MetricSpec:
    return MetricSpec(f"erase.single.{name}", definition, unit, direction, LEAST_MEAN, bounds)


def _ranked(
    stem: str,
    other: str,
    definition: str,
    unit: str,
    direction: Direction,
    bounds: tuple[float | None, float | None] = UNIT,
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
        )
        for ranking, way in (("attention", direction), (f"{{{other}}}", "neutral"))
    ]


_JSD = "the Jensen-Shannon divergence of the answer"
_SIGNED = (-1.0, 1.0)

SPECS = (
    _single(
        "jsd_difference.mean",
        f"Mean over instances of {_JSD} without the item of largest attention, minus that without "
        "a random other item (Serrano & Smith 2019, section 4).",
        "nats",
        "higher",
        _SIGNED,
    ),
    _single(
        "negative",
        "Share of instances in which erasing a random other item moves the answer further than "
        "erasing the item of largest attention.",
        direction="lower",
    ),
    _single(
        "negative_large_gap",
        "The same share among instances in which the two weights differ by more than .4.",
        direction="lower",
    ),
    _single(
        "flips.both",
        "Share of instances whose decision flips without the item of largest attention, and "
        "without a random other one.",
    ),
    _single(
        "flips.top_only",
        "Share of instances whose decision flips without the item of largest attention only.",
        direction="higher",
    ),
    _single(
        "flips.random_only",
        "Share of instances whose decision flips without the random other item only.",
        direction="lower",
    ),
    _single("flips.neither", "Share of instances whose decision stays without either item."),
    _single(
        "spearman",
        "Spearman correlation over instances between the difference of the two weights and the "
        "difference of the two divergences.",
        "rank correlation",
        "higher",
        _SIGNED,
    ),
    _single(
        "mcnemar_p",
        "Exact two-sided p-value of McNemar's test that the two erasures flip decisions equally "
        "often. Instances count as independent, groups or not.",
        "probability",
    ),
    *_ranked(
        "erase.flip_fraction",
        "criterion",
        "Mean share of items erased, in the order of {ranking}, when the decision first flips; a "
        "decision that never does counts as 1. Items are the representations that the attention "
        "reads; gradients are those of the decision by the weights (Serrano & Smith 2019, "
        "section 5).",
        "fraction",
        "lower",
    ),
    *_ranked(
        "erase.never_flips",
        "criterion",
        "Share of instances whose decision no erasure in the order of {ranking} flips.",
        "fraction",
        "neutral",
    ),
    MetricSpec(
        "erase.all.tvd.mean",
        "Mean over instances of the total variation distance between the answer with all content "
        "weights at 0 and the answer: a control. Near 0 the answer goes around the attention, and "
        "no erasure of weights can matter.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "erase.all.flips",
        "Share of instances whose decision flips with all content weights at 0: a control.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "erase.residual_ratio.mean",
        "Mean over instances of the norm of what the audited attention gives, over the norm of the "
        "residual that it is added to, which bypasses it.",
        "ratio of norms",
        "neutral",
        LEAST_MEAN,
        (0.0, None),
    ),
    *_ranked(
        "erase.comprehensiveness",
        "measure",
        "Mean drop of the predicted class's probability when the top words by {ranking} are "
        "deleted, averaged over the top 1, 5, 10, 20 and 50 % (DeYoung et al. 2020).",
        "probability",
        "higher",
        _SIGNED,
    ),
    *_ranked(
        "erase.sufficiency",
        "measure",
        "Mean drop of the predicted class's probability when all but the top words by {ranking} "
        "are deleted, averaged over the same shares (DeYoung et al. 2020).",
        "probability",
        "lower",
        _SIGNED,
    ),
    *_ranked(
        "plausibility.token_f1",
        "measure",
        "Mean F1 of the top words by {ranking}, as many as people marked, with the marked words. "
        "Agreement with people, not faithfulness (DeYoung et al. 2020; Jacovi & Goldberg 2020).",
        "fraction",
        "neutral",
    ),
    *_ranked(
        "plausibility.iou_f1",
        "measure",
        "Mean F1 of the spans of top words by {ranking}, as many words as people marked, where a "
        "span counts from an intersection over union of .5 with a marked one. Agreement with "
        "people, not faithfulness.",
        "fraction",
        "neutral",
    ),
    *_ranked(
        "plausibility.auprc",
        "measure",
        "Mean area under the precision-recall curve of the scores of {ranking} against the words "
        "that people marked. Agreement with people, not faithfulness.",
        "fraction",
        "neutral",
    ),
)
