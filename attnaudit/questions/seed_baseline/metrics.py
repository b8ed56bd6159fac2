"""Metrics of `seed-baseline`."""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, LEAST_SCORE, UNIT, Direction, MetricSpec


def _jsd(name: str, definition: str, direction: Direction) -> MetricSpec:
    return MetricSpec(f"seed_baseline.{name}", definition, "nats", direction, LEAST_MEAN, JSD)


_CONTROLS = {
    "erased": "without any content in the audited row of attention",
    "uniform_layers": "with attention in all layers, heads and rows spread evenly over the content",
}


def _control(name: str, figure: str, definition: str, unit: str) -> MetricSpec:
    pattern = f"seed_baseline.control.{name}.{figure}"
    return MetricSpec(pattern, definition, unit, "neutral", LEAST_MEAN, UNIT)


SPECS = (
    *(
        _jsd(
            f"jsd.{name}_over_seeds",
            f"Mean over instances of the {word}, over models of the same recipe with other seeds, "
            "of the Jensen-Shannon divergence between their attention and the model's (Wiegreffe "
            "& Pinter 2019, section 3.3).",
            "lower",
        )
        for name, word in (("mean", "mean"), ("median", "median"), ("max", "largest"))
    ),
    MetricSpec(
        "seed_baseline.tvd.mean",
        "Mean over instances and seeds of the total variation distance between the answers of "
        "other seeds and the model's; twice what Wiegreffe & Pinter's code prints for two classes.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "seed_baseline.flips",
        "Share of instances, mean over seeds, to which another seed gives another class than the "
        "model does.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "seed_baseline.f1.mean",
        "Mean over seeds of F1 on the audited instances: of the positive (last) class where there "
        "are two classes, else the unweighted mean over classes.",
        "fraction",
        "higher",
        LEAST_SCORE,
        UNIT,
    ),
    MetricSpec(
        "seed_baseline.f1.std",
        "Standard deviation over seeds of the same F1.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
    ),
    MetricSpec(
        "seed_baseline.uniform_f1.mean",
        "Mean over seeds of the F1 of models of the same recipe that were trained with attention "
        "frozen to the uniform one (Wiegreffe & Pinter 2019, section 3.2).",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
    ),
    _jsd(
        "uniform_jsd.mean",
        "Mean over instances of the Jensen-Shannon divergence between uniform attention and the "
        "model's.",
        "neutral",
    ),
    MetricSpec(
        "necessity.f1_gap",
        "F1 of learned attention less F1 of frozen uniform attention, paired by seed, mean over "
        "seeds. Near 0, the task does not need attention.",
        "fraction",
        "higher",
        LEAST_SCORE,
        (-1.0, 1.0),
    ),
    *(
        _control(
            name,
            "tvd.mean",
            "Mean over instances of the total variation distance between the model's answer and "
            f"its answer {how}.",
            "total variation distance",
        )
        for name, how in _CONTROLS.items()
    ),
    *(
        _control(
            name,
            "flips",
            f"Share of instances to which the model gives another class {how}.",
            "fraction",
        )
        for name, how in _CONTROLS.items()
    ),
)
