"""`attnaudit adversary`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.audit import audit_command
from attnaudit.errors import InputError

if TYPE_CHECKING:
    from attnaudit.config import Settings


@audit_command
def adversary(
    seed: int,
    per_instance: Annotated[
        bool,
        typer.Option(
            "--per-instance/--no-per-instance",
            help="Search weights for each text; without, only models are trained.",
        ),
    ] = True,
    epsilon: Annotated[
        Optional[list[float]],  # noqa: UP045
        typer.Option(
            help="How far the answer may move (TVD, below 1), repeatable; the first leads."
            "  [default: 0.01]"
        ),
    ] = None,
    alternatives: Annotated[
        int, typer.Option(min=1, help="Weights to find, each unlike those before it.")
    ] = 1,
    search: Annotated[
        bool, typer.Option("--search", help="Run the field's 500-step search too, to compare.")
    ] = False,
    search_alternatives: Annotated[
        int, typer.Option(min=1, help="Weights that a search looks for at once.")
    ] = 5,
    diversity: Annotated[
        float, typer.Option(min=0, help="What a search gives for weights unlike each other.")
    ] = 1.0,
    restarts: Annotated[int, typer.Option(min=1, help="Searches from other starts.")] = 1,
    strengths: Annotated[
        Optional[list[float]],  # noqa: UP045
        typer.Option(
            "--lambda",
            metavar="FLOAT",
            help="Train models that attend otherwise, with this weight on KL; repeatable.",
        ),
    ] = None,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep",
            help="Train them for a grid of lambdas, and for more where dev says it matters.",
        ),
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Models to train for each lambda.")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs of a training.")] = 40,
    patience: Annotated[
        int, typer.Option(min=1, help="Stop after so many epochs without a better one on dev.")
    ] = 10,
    seed_baseline: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="FILE",
            help="Records of seed-baseline: --sweep closes in on the TVD of the seeds.",
        ),
    ] = None,
    recipe: o.RecipeOption = None,
    models: o.ModelsOption = Path("adversaries"),
    reading: o.ReadingOption = "mean",
    text: o.TextOption = False,
) -> Mapping[str, Settings]:
    """How different may attention be while the answer stays?

    Finds, for each text, the weights farthest (JSD) from the model's attention under which its
    answer moves by at most epsilon: the exact maximum for two classes and a linear readout, else a
    lower bound beside an upper one. A fact about weights detached from the model, which need be
    none that it could compute; it saturates with length and with confidence, and is never evidence
    on its own. Jain & Wallace 2019, section 4.2.2.

    With --lambda or --sweep it also trains model-consistent adversaries: one model that must
    produce all its weights, trained anew to answer as the audited model does and to attend
    otherwise. They minimise TVD - lambda KL, where TVD is the full distance, from 0 to 1; the
    authors halve it, so that their lambda is half of ours. Imitators, with lambda 0 and the same
    budget, are always trained too: only what goes beyond them is the adversary's doing. Wiegreffe
    & Pinter 2019, section 4.
    """
    epsilons = tuple(epsilon or [0.01])
    for value in epsilons:
        if not 1e-5 <= value < 1:
            raise InputError(f"--epsilon {value:g}: must be at least 1e-05 and below 1")
    if len(set(epsilons)) < len(epsilons):
        raise InputError("--epsilon: the same value stands twice")
    if not 0 <= diversity < math.inf:
        raise InputError(f"--diversity {diversity:g}: must be a number from 0 on")
    lambdas = tuple(strengths or ())
    for value in lambdas:
        if not 0 <= value < math.inf:
            raise InputError(f"--lambda {value:g}: must be a number from 0 on")
    if len(set(lambdas)) < len(lambdas):
        raise InputError("--lambda: the same value stands twice")
    if not (per_instance or lambdas or sweep):
        raise InputError(
            "--no-per-instance leaves nothing to do", hint="give --lambda or --sweep too"
        )
    if seed_baseline is not None and not sweep:
        raise InputError("--seed-baseline guides --sweep", hint="give --sweep too, or leave it out")

    from attnaudit.questions.instance_adversary.settings import InstanceSettings
    from attnaudit.questions.model_adversary.seeds_tvd import read_seeds_tvd
    from attnaudit.questions.model_adversary.settings import ModelSettings
    from attnaudit.questions.model_adversary.strengths import GRID, ROUNDS

    asked: dict[str, Settings] = {}
    shown = o.reading(reading)
    if per_instance:
        asked["instance-adversary"] = InstanceSettings(
            epsilons=epsilons,
            alternatives=alternatives,
            search=search,
            search_alternatives=search_alternatives,
            diversity=diversity,
            restarts=restarts,
            reading=shown,
            seed=seed,
            text=text,
        )
    if lambdas or sweep:
        asked["model-adversary"] = ModelSettings(
            lambdas=lambdas or GRID,
            refine=ROUNDS if sweep else 0,
            seeds=seeds,
            epochs=epochs,
            patience=patience,
            reading=shown,
            seeds_tvd=None if seed_baseline is None else read_seeds_tvd(seed_baseline),
            seed=seed,
            text=text,
        )
    return asked
