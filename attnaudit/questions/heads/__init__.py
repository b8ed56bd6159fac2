"""What do the heads of all layers do, and are their weights still about words?"""

from __future__ import annotations

from attnaudit.questions.heads.metrics import SPECS
from attnaudit.questions.heads.settings import HeadsSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
For every head of a transformer it says how far the answers and the score move without it (Michel et
al. 2019), how sharp its weights are (Voita et al. 2019) and how much of them lies on special tokens
(Kovaleva et al. 2019). Heads are then removed one after another: the least important ones first, by
gradients on dev. The curve is scored on the audited texts, beside random orders; for small models
also beside the exact greedy order. Layer by layer it says how far a state is still about its own
word (Brunner et al. 2020): where it is not, weights on it are not weights on that word. Last, no
row of any layer may attend to some positions (Geva et al. 2023). It is for transformers. It looks
at all layers, and decides no finding."""

QUESTION = Question(
    name="heads",
    command="heads",
    module=__name__,
    asks="What do the heads of all layers do, and are their weights still about words?",
    about=ABOUT,
    settings=HeadsSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "half of the heads removed: score",
            "heads.pruning.half.gradient",
            "random order",
            "heads.pruning.half.random",
        ),
        EvidenceRow("heads whose removal moves the score (share)", "heads.ablation.needed"),
        EvidenceRow(
            "words still nearest to their own input",
            "heads.identifiable.cosine",
            "own contribution",
            "heads.own.jacobian",
        ),
        EvidenceRow(
            "top word hidden from all layers (TVD)",
            "heads.knockout.top",
            "a random other word",
            "heads.knockout.random",
        ),
    ),
    optional=True,
    traps="Heads can stand in for each other: one that can be removed alone may still do the work."
    " Removed heads and hidden keys make states that the model was never trained on.",
    source="Michel et al. 2019, sections 2 to 4",
)
