"""Does the answer change when the attention weights are shuffled?"""

from __future__ import annotations

from attnaudit.questions.permute.metrics import SPECS
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
This test shuffles the attention weights of a text among its words, leaves everything else as it is,
and measures how far the answer moves (TVD, the total variation distance: 0 is no change, 1 is the
largest). If the answer hardly moves, it does not depend on which word has which weight. Two
cautions: if all states are nearly alike (conicity near 1), no weights could have moved the answer.
And the model itself never computes shuffled weights. Jain & Wallace 2019, section 4.2.1."""

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
            short="TVD, shuffled",
        ),
        EvidenceRow("conicity of the states (1: all alike)", "permute.conicity.mean"),
    ),
    of_many_rows=True,
    of_sites=True,
    traps="If all states are alike, or if something goes around the attention, no weights can "
    "move the answer.",
    source="Jain & Wallace 2019, section 4.2.1",
)
