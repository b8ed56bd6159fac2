"""What happens when the items or words that attention ranks first are taken away?"""

from __future__ import annotations

from attnaudit.questions.erase.metrics import SPECS
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.question import EvidenceRow, Question

QUESTION = Question(
    name="erase",
    command="erase",
    module=__name__,
    asks="What happens when the items or words that attention ranks first are taken away?",
    settings=EraseSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "erased until a flip",
            "erase.flip_fraction.attention",
            "random ranking",
            "erase.flip_fraction.random",
        ),
        EvidenceRow(
            "comprehensiveness",
            "erase.comprehensiveness.attention",
            "random ranking",
            "erase.comprehensiveness.random",
        ),
    ),
    tables=("erase", "plausibility"),
    attention=True,
    traps="Erased vectors are no erased words, and texts with deleted words are unlike real ones.",
    source="Serrano & Smith 2019; DeYoung et al. 2020",
)
