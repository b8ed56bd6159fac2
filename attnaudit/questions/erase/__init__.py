"""What happens when the items or words that attention ranks first are taken away?"""

from __future__ import annotations

from attnaudit.questions.audit import Audit
from attnaudit.questions.erase.make import records
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.erase.summarise import summarise
from attnaudit.questions.settling import settle

AUDIT = Audit("erase", EraseSettings, summarise, records, settle=settle)
