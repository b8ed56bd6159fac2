"""Can a model of the same recipe answer alike and attend otherwise?"""

from __future__ import annotations

from typing import Any

from attnaudit.questions.model_adversary.metrics import SPECS
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.strengths import GRID, ROUNDS
from attnaudit.questions.option import Switch
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
With --lambda or --sweep it trains model-consistent adversaries: one model must produce all the
weights. It is trained anew to answer as the audited model does and to attend otherwise. It
minimises TVD - lambda KL, where TVD is the full distance, from 0 to 1; the authors halve it, so
that their lambda is half of ours. Imitators, with lambda 0, are always trained too: only what goes
beyond them is the adversary's doing. Half of the models begin from scratch. The other half begins
from models of the recipe with other seeds: `seed-baseline --keep DIR` keeps them, and --start DIR
takes them. Imitators that get stuck are replaced. Wiegreffe & Pinter 2019, section 4."""

_SWITCH = Switch(
    "sweep",
    "--sweep",
    False,
    "Train them for a grid of lambdas, and for more where dev says that it matters.",
)


def _choose(given: dict[str, Any]) -> dict[str, Any] | None:
    sweep = given["sweep"]
    if sweep is None:  # of a suite, which sweeps unless it is told what to train
        sweep = given.get("lambdas") is None
    if sweep:
        return {"refine": ROUNDS, **given, "lambdas": given.get("lambdas") or GRID}
    return given if given.get("lambdas") else None


QUESTION = Question(
    name="model-adversary",
    command="adversary",
    module=__name__,
    asks="Can a model of the same recipe answer alike and attend otherwise?",
    about=ABOUT,
    settings=ModelSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow("distance beyond imitators (JSD)", "manipulation.adversary_excess_jsd"),
        EvidenceRow(
            "change of answers where JSD is .4 (TVD)",
            "adversary.model[jsd=0.4].tvd",
            "change between seeds (TVD)",
            "seed_baseline.tvd.mean",
        ),
    ),
    tables=("adversary.model", "adversary.curve", "adversary.seeds", "adversary.budget"),
    attention=True,
    keeps="adversaries",
    switches=(_SWITCH,),
    choose=_choose,
    retrains=True,
    suite={"sweep": None},
    traps="Only what goes beyond imitators is the adversary's doing.",
    source="Wiegreffe & Pinter 2019, section 4",
)
