"""Metrics that several audits give only together."""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, MetricSpec

ADVERSARY_EXCESS = "manipulation.adversary_excess_jsd"
UNITS_EXCESS = "manipulation.units_excess_jsd"
_RANGE = (-JSD[1], JSD[1])
_SOURCE = "this tool's own, on the adversaries of Wiegreffe & Pinter 2019, section 4"

SPECS = (
    MetricSpec(
        ADVERSARY_EXCESS,
        "How much farther an adversary moves the attention than imitators do, for the "
        "adversary within the budget that does so most clearly on dev.",
        "nats",
        "lower",
        LEAST_MEAN,
        _RANGE,
        formula="JSD of one adversary - mean JSD of usable imitators with the same kind of start; "
        "of the adversaries within the budget on dev, the one whose interval of this "
        "difference on dev has the greatest lower end",
        beside=("seed_baseline.tvd.mean", "hard_to_manipulate", "excess JSD"),
        traps="It is undefined if no adversary stays within the budget. On other texts the "
        "answers may change more than on dev.",
        source=_SOURCE,
    ),
    MetricSpec(
        UNITS_EXCESS,
        "How much farther adversaries within the budget move the attention than their own "
        "imitators do, as a mean over units.",
        "nats",
        "lower",
        LEAST_MEAN,
        _RANGE,
        formula="mean over units of JSD(the unit's adversary of greatest JSD within the budget on "
        "dev) - JSD(its imitator); a unit is a start and a seed",
        beside=(ADVERSARY_EXCESS, "hard_to_manipulate", "excess JSD"),
        traps="Units without an adversary within the budget are left out. A weak sweep, which "
        "moves no attention, also gives a small excess.",
        source=_SOURCE,
    ),
)
