"""Does the answer change when the attention weights are shuffled?"""

from __future__ import annotations

from attnaudit.questions.permute.metrics import SPECS
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
The weights of a text are shuffled among its words, everything else is held fixed, and the
answers are compared (TVD, from 0 to 1). An answer that hardly moves does not rest on which word
has which weight. But where all states are alike (conicity near 1) it could not have moved, and
the model never computes shuffled weights itself. Jain & Wallace 2019, section 4.2.1."""

QUESTION = Question(
    name="permute",
    command="permute",
    module=__name__,
    asks="Does the answer change when the attention weights are shuffled?",
    about=ABOUT,
    settings=PermuteSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "weights shuffled: change of answers (TVD)",
            "permute.tvd.median",
            "how alike the states are (conicity)",
            "permute.conicity.mean",
        ),
    ),
    of_many_rows=True,
    traps="Where all states are alike, or something goes around the attention, no answer can move.",
    source="Jain & Wallace 2019, section 4.2.1",
)
