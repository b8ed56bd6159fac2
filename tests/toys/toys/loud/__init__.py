"""How loud is the loudest word?"""

from __future__ import annotations

from attnaudit.questions.question import EvidenceRow, Question
from toys.loud.metrics import SPECS
from toys.loud.settings import LoudSettings

QUESTION = Question(
    name="loud",
    command="loud",
    module=__name__,
    asks="How loud is the loudest word?",
    about="The largest weight that the reading gives a word of a text.",
    traps="A loud word need not matter.",
    source="made for the tests",
    settings=LoudSettings,
    metrics=SPECS,
    evidence=(EvidenceRow("largest weight", "loud.largest.mean"),),
    attention=True,
)
