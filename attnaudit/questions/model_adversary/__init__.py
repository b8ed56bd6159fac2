"""Can a model of the same recipe answer alike and attend otherwise?"""

from __future__ import annotations

from typing import Any

from attnaudit.questions.model_adversary.metrics import SPECS
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.strengths import GRID, ROUNDS
from attnaudit.questions.option import Switch
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
With --lambda or --sweep this test trains adversaries: whole models that learn to give the same
answers as the audited model, but to attend to other words. Training minimises TVD - lambda KL: the
change of the answers, minus lambda times the change of the attention. Here TVD goes from 0 to 1.
The authors halve it, so their lambda is half of ours. The test always trains imitators too, with
lambda 0. They learn only the answers, and their attention moves as well. Only what exceeds the
imitators is the effect of the adversary. Half of the models start from scratch. The other half
start from models of the same recipe with other seeds: `seed-baseline --keep DIR` keeps such models,
and --start DIR uses them. Imitators that get stuck are replaced. Wiegreffe & Pinter 2019, section
4."""

_SWITCH = Switch(
    "sweep",
    "--sweep",
    False,
    "Train adversaries for a grid of lambdas, and for further lambdas between them if the "
    "results on dev call for it.",
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
    asks="Can a model of the same recipe give the same answers but attend to other words?",
    about=ABOUT,
    settings=ModelSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow("attention moved beyond imitators (JSD)", "manipulation.adversary_excess_jsd"),
        EvidenceRow(
            "change of answers at a JSD of .4 (TVD)",
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
    traps="Imitators move the attention as well, although nothing pushes them. Only what exceeds "
    "them is the effect of the adversary.",
    source="Wiegreffe & Pinter 2019, section 4",
)
