"""Do the words that attention ranks first decide the answer?"""

from __future__ import annotations

from attnaudit.questions.erase.metrics import SPECS
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.question import ControlRow, EvidenceRow, Question

ABOUT = """\
This test erases attention weights, that is, sets them to zero. First it erases the largest weight
alone, and compares it with a random other one. Then it erases one weight after another until the
decision flips (Serrano & Smith 2019). It also deletes the top words from the text, or keeps only
them (comprehensiveness and sufficiency, DeYoung et al. 2020). Compare each figure with a random
order and, in short texts, with the best possible order. Last, it erases the weights of the words
that a heatmap highlights. If the answer moves no more than for other words, the heatmap of this
text is unsupported. If people marked the words that matter (rationales), a separate table shows how
well rankings agree with them. Such agreement (plausibility) does not show how the model works. A
second table shows whether the model is right more often if its attention is on these words."""

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
            "share erased until the answer flips",
            "erase.flip_fraction.attention",
            "random ranking",
            "erase.flip_fraction.random",
        ),
        EvidenceRow(
            "top words deleted (comprehensiveness)",
            "erase.comprehensiveness.attention",
            "random ranking",
            "erase.comprehensiveness.random",
        ),
        EvidenceRow(
            "unsupported heatmaps",
            "erase.unsupported.attention",
            "random heatmaps",
            "erase.unsupported.random",
            short="unsupported",
        ),
    ),
    tables=("erase", "plausibility"),
    attention=True,
    of_many_rows=True,
    of_sites=True,
    traps="Erasing a weight does not erase the word: the vectors of other words still contain "
    "it. And texts with deleted words are unlike real texts.",
    source="Serrano & Smith 2019; DeYoung et al. 2020",
    controls=(
        ControlRow(
            "unsupported random heatmaps",
            "erase.unsupported.random",
            (("the model's own", "erase.unsupported.attention"),),
            "If random heatmaps are not unsupported more often than the model's own, this test "
            "tells nothing about the model's heatmaps.",
        ),
    ),
)
