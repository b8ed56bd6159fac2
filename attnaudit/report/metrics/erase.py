"""Metrics of `erase`."""

from __future__ import annotations

from attnaudit.report.metrics.spec import MetricSpec

SPECS: tuple[MetricSpec, ...] = ()
