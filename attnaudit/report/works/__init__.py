"""The list of works: what the methods are from, and what the tool says of them."""

from __future__ import annotations

from attnaudit.report.works import debate, models, statistics

WORKS = (*debate.WORKS, *models.WORKS, *statistics.WORKS)
