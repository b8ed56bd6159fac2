"""Does the answer change when the attention weights are shuffled?"""

from __future__ import annotations

from attnaudit.questions.audit import Audit
from attnaudit.questions.permute.make import records
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.permute.summarise import summarise

AUDIT = Audit("permute", PermuteSettings, summarise, records)
