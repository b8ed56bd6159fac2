"""The list of works: what the methods are from, and what the tool says of them."""

from __future__ import annotations

from attnaudit.report.works import debate, heads, models, readings, statistics

WORKS = (*debate.WORKS, *heads.WORKS, *models.WORKS, *readings.WORKS, *statistics.WORKS)
