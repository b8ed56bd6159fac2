"""Along which paths through the layers do words reach the answer?"""

from __future__ import annotations

from attnaudit.questions.patterns.metrics import SPECS
from attnaudit.questions.patterns.settings import PatternsSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
A heatmap shows one layer. A word reaches the answer through all layers: through positions, through
heads, and past them. For each word this test looks for the path that carries the most influence on
the predicted class (Lu et al. 2021): layer by layer first one position, then one head, or the way
past all heads. It says how much of the word's influence that one path carries, and puts it beside
the paths that attention weights would choose and beside random ones. Then it keeps only such paths,
replaces all else by what it would be without the words, and asks for the answer. Influence is the
gradient along a path, on average on the way from a text without its words to the text. The parts of
an influence add up to the whole; the test checks this. It is for transformers of up to 12 layers
that read their answer from one position. It decides no finding."""

QUESTION = Question(
    name="patterns",
    command="patterns",
    module=__name__,
    asks="Along which paths through the layers do words reach the answer?",
    about=ABOUT,
    settings=PatternsSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "influence along one path a word (share)",
            "patterns.share.influence.heads",
            "along the path of attention",
            "patterns.share.attention_greedy.heads",
        ),
        EvidenceRow(
            "only such paths kept: flips",
            "patterns.ablation.influence.heads.flips",
            "random paths",
            "patterns.ablation.random.heads.flips",
        ),
    ),
    optional=True,
    traps="The path is found greedily: another one may carry more. Words whose parts cancel each "
    "other have paths with more influence than the word itself. Another baseline gives other "
    "influence. That the paths of attention carry little is no proof against it: a weight says how "
    "much is read, and a gradient how far the answer moves.",
    source="Lu et al. 2021",
)
