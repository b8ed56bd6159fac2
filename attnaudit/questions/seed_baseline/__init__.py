"""How far do seeds differ, and does the task need attention at all?"""

from __future__ import annotations

from attnaudit.questions.audit import Audit, Trains
from attnaudit.questions.seed_baseline.make import records, rounds
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.seed_baseline.summarise import summarise

AUDIT = Audit("seed-baseline", SeedBaselineSettings, summarise, trains=Trains(rounds, records))
