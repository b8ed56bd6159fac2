"""What a record of `loud` holds."""

from __future__ import annotations

from attnaudit.questions.recorded import Attended
from attnaudit.records.fields import Magnitude


class Loud(Attended, kw_only=True):
    """The largest weight beside the attention."""

    largest: Magnitude


def kind(record):
    """The class that a record must be of."""
    return Loud
