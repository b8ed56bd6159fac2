"""Which reading of the attention finds the words that decide the answer?"""

from __future__ import annotations

from attnaudit.questions.compare_readings.metrics import SPECS
from attnaudit.questions.compare_readings.settings import CompareReadingsSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
Attention can be shown in many ways: the mean over heads, rollout, norms and others. This test gives
every such reading, and importances that do not come from attention, the same scores. It erases the
top words of each ranking, or all other words (comprehensiveness and sufficiency, DeYoung et al.
2020). It erases words one by one until the decision flips (Serrano & Smith 2019), and says where
the ranking lies between the worst and the best possible order (NAOPC, Edin et al. 2025). Soft
scores erase a part of each word, in proportion to its score (Zhao & Aletras 2023). The test also
compares each ranking with leave-one-out, and with the words that people marked. Words are erased in
two ways at least, because the order of the rankings can change with the way. A random ranking
stands beside all. A table puts the rankings in order, and marks those that are not told apart from
the first. Such scores can be gamed (Goodhart's law): erased texts look unlike real ones, and a
model can recognise them. Then all scores rise, while no answer and no explanation of a real text
changes (Hsia et al. 2024). So a good score is no proof. It decides no finding."""

QUESTION = Question(
    name="compare-readings",
    command="compare-readings",
    module=__name__,
    asks="Which reading of the attention finds the words that decide the answer?",
    about=ABOUT,
    settings=CompareReadingsSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "top words of the mean over heads deleted",
            "compare_readings.delete.comprehensiveness.mean",
            "random ranking",
            "compare_readings.delete.comprehensiveness.random",
        ),
    ),
    attention=True,
    optional=True,
    traps="Scores of erased texts can be gamed: a model can recognise erased texts and answer "
    "them so that every ranking scores well, while its answers to real texts stay. And the order "
    "of the rankings can turn with the way in which words are erased.",
    source="DeYoung et al. 2020; Serrano & Smith 2019; Edin et al. 2025; Zhao & Aletras 2023; "
    "Hsia et al. 2024",
)
