"""Does attention help a model that sees each word by itself?"""

from __future__ import annotations

from attnaudit.questions.audit import Audit, Trains
from attnaudit.questions.probe.make import records, rounds
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.probe.summarise import summarise

AUDIT = Audit("probe", ProbeSettings, summarise, trains=Trains(rounds, records))
