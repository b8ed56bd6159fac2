"""Do the words that attention ranks first decide the answer?"""

from __future__ import annotations

from attnaudit.questions.erase.metrics import SPECS
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.question import ControlRow, EvidenceRow, Question

ABOUT = """\
Attention weights are erased: one against a random other one, then one after another until the
decision flips (Serrano & Smith 2019). The top words are deleted from the text, or kept alone
(comprehensiveness and sufficiency, DeYoung et al. 2020). Each stands beside random and, in short
texts, the best possible order. The weights of the words that a heatmap highlights are set to zero:
where the answer moves no more than for other words, the text is unsupported. Where the data has
human rationales, agreement with them is shown apart: plausibility is not faithfulness."""

QUESTION = Question(
    name="erase",
    command="erase",
    module=__name__,
    asks="Do the words that attention ranks first decide the answer?",
    about=ABOUT,
    settings=EraseSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "erased until the answer flips",
            "erase.flip_fraction.attention",
            "random ranking",
            "erase.flip_fraction.random",
        ),
        EvidenceRow(
            "top words deleted: fall (comprehensiveness)",
            "erase.comprehensiveness.attention",
            "random ranking",
            "erase.comprehensiveness.random",
        ),
        EvidenceRow(
            "unsupported heatmaps",
            "erase.unsupported.attention",
            "random heatmaps",
            "erase.unsupported.random",
        ),
    ),
    tables=("erase", "plausibility"),
    attention=True,
    of_many_rows=True,
    traps="An erased vector is not an erased word, and texts without some of their words are unlike"
    " real ones.",
    source="Serrano & Smith 2019; DeYoung et al. 2020",
    controls=(
        ControlRow(
            "unsupported, random heatmaps",
            "erase.unsupported.random",
            (("the model's own", "erase.unsupported.attention"),),
            "If random heatmaps are unsupported no more often than the model's own, the answers do"
            " not support those either.",
        ),
    ),
)
