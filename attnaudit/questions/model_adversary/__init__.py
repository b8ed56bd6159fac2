"""Can a model of the same recipe answer alike and attend otherwise?"""

from __future__ import annotations

from attnaudit.questions.model_adversary.metrics import SPECS
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.strengths import GRID, ROUNDS
from attnaudit.questions.question import EvidenceRow, Question

QUESTION = Question(
    name="model-adversary",
    command="adversary",
    module=__name__,
    asks="Can a model of the same recipe answer alike and attend otherwise?",
    settings=ModelSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "JSD beyond imitators",
            "manipulation.excess_jsd",
            "within the seeds' TVD",
            "seed_baseline.tvd.mean",
        ),
        EvidenceRow(
            "TVD at JSD .4",
            "adversary.model[jsd=0.4].tvd",
            "TVD between seeds",
            "seed_baseline.tvd.mean",
        ),
    ),
    tables=("adversary.model", "adversary.curve", "adversary.seeds"),
    attention=True,
    retrains=True,
    suite={"lambdas": GRID, "refine": ROUNDS},
    traps="Only what goes beyond imitators is the adversary's doing.",
    source="Wiegreffe & Pinter 2019, section 4",
)
