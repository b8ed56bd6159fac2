"""Does attention rank words as other measures of importance do?"""

from __future__ import annotations

from attnaudit.questions.audit import Audit
from attnaudit.questions.correlate.make import records
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.correlate.summarise import summarise
from attnaudit.questions.settling import settle

AUDIT = Audit("correlate", CorrelateSettings, summarise, records, settle=settle)
