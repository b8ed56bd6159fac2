"""Intervals of every registered metric, on samples that lie as badly as its range allows."""

from __future__ import annotations

import numpy as np
import pytest

from attnaudit.measures.sample import Sample
from attnaudit.measures.two_level import figures, two_level
from attnaudit.records.metric import range_of
from attnaudit.report.registry import all_specs

BOUNDED = [spec for spec in all_specs() if spec.range[0] is not None]


@pytest.mark.parametrize("spec", BOUNDED, ids=lambda spec: spec.pattern)
def test_no_interval_leaves_the_range_of_its_metric(spec):
    low, high = spec.range
    most = low + 5.0 if high is None else high
    generator = np.random.default_rng(len(spec.pattern))
    samples = [
        np.full(40, low),
        np.full(40, most),
        np.where(np.arange(40) == 3, most, low),
        np.where(np.arange(40) == 3, low + 1e-9, low),
        low + (most - low) * generator.beta(0.05, 0.05, 40),
        low + (most - low) * generator.beta(40, 0.3, 40),
    ]
    for values in samples:
        for sample in (Sample(40), Sample(40, np.arange(40) // 7)):
            several = np.clip(values + np.array([[0.0], [0.3], [-0.3]]), low, most)
            for found in (
                sample.mean(values, spec.range),
                sample.median(values, spec.range),
                two_level(figures(several, sample), spec.range),
            ):
                assert low <= found.ci_low <= found.value <= found.ci_high
                assert high is None or found.ci_high <= high
        if high is not None and np.ptp(values) == 0:
            found = Sample(40).mean(values, spec.range)
            assert found.ci_high - found.ci_low > 0.05 * (high - low)


def test_a_metric_has_the_range_of_its_family():
    for spec in all_specs():
        for name in spec.names():
            assert range_of(all_specs(), name) == spec.range
            break
    assert range_of(all_specs(), "adversary.model[lambda=0.25].jsd.mean") == (0.0, 0.693147181)
    with pytest.raises(KeyError, match=r"permute\.tvd\.mode"):
        range_of(all_specs(), "permute.tvd.mode")
