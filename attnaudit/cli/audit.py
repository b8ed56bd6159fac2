"""`attnaudit audit`: of a configuration, which is trained first, or of a model that there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.defaults import FILE, from_file
from attnaudit.cli.ending import Ending
from attnaudit.cli.places import check_output
from attnaudit.cli.samples import find_config
from attnaudit.cli.target import is_model
from attnaudit.data.names import ALL_LABELS
from attnaudit.errors import InputError

if TYPE_CHECKING:
    from attnaudit.models.recipe import AnyConfig
    from attnaudit.running.existing import Existing
    from attnaudit.running.job import Job
    from attnaudit.running.plans import Plan
    from attnaudit.running.suite import Where


class Target(str, Enum):
    """Whose probability importances explain."""

    predicted = "predicted"
    gold = "gold"


# typer reads these annotations at run time, and `Path | None` needs Python 3.10 in them too.
_Model = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(
        metavar="CONFIG|MODEL",
        help="A training configuration in YAML, or the name of a sample configuration. Or "
        "an existing model: a Hugging Face folder or hub id, a model.pt, or "
        "package.module:factory.",
        show_default=False,
    ),
]
_Data = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Argument(metavar="DATA", help="The same as --data.", show_default=False),
]
_DataOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--data",
        metavar="DATA",
        help="A file of rows, a dataset spec, or a Hugging Face data set: its folder or hub id."
        " With CONFIG it takes the place of its own.",
    ),
]
_Split = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="SPLIT|SHARES",
        help="With MODEL, which split to audit: train, dev, test or all.  [default: test if"
        " there is one] With CONFIG, how to split one file of data by label into train, dev and"
        " test, such as 80/10/10 percent.",
    ),
]
_Recipe = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="CONFIG",
        help="With MODEL: the configuration that trained it. With this option the tests "
        "that train models run, too.",
    ),
]
_Train = Annotated[
    bool,
    typer.Option(
        "--train",
        help="With MODEL: also run the tests that train models. The model must contain its "
        "recipe (its training configuration).",
    ),
]
_Skip = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(metavar="TEST", help="With MODEL: leave out this test. Repeatable."),
]
_Also = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        metavar="TEST",
        help="With MODEL: run a test that is not part of every audit, such as heads; repeatable.",
    ),
]
_Label = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        metavar="NAME|all",
        help="With a MODEL that gives several labels to a text: the label to audit, as a yes or no."
        " Repeatable. Several labels, or all, are audited one after the other, into a folder each.",
    ),
]
_Target = Annotated[
    Optional[Target],  # noqa: UP045
    typer.Option(
        help="The class whose probability the importances explain: the predicted one or"
        " the correct one.  [default: predicted]"
    ),
]
_Attributions = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        metavar="FILE",
        help="Scores that another tool, such as captum or SHAP, gave to the words: a .jsonl file,"
        " which becomes one more importance of correlate and erase. Repeatable.",
    ),
]
_Text = Annotated[
    bool,
    typer.Option("--text", help="With MODEL: keep the words in the records. Heatmaps need them."),
]
_Output = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="The folder for the results.  [default: CONFIG's name, or MODEL's name and -audit]",
    ),
]
_Seed = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        min=0, max=o.LARGEST_SEED, help="Random seed. With CONFIG, it replaces the seed in CONFIG."
    ),
]
_Lock = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE",
        help="With --dry-run: write the plan to FILE. It holds the settings, and digests of "
        "policy, data, model and code. Without --dry-run: the report says whether the "
        "run followed the plan in FILE.",
    ),
]
_Power = Annotated[
    bool,
    typer.Option(
        "--power",
        help="With CONFIG and --dry-run: train models with a few seeds first (a pilot), and "
        "say how likely each finding is to reach an answer.",
    ),
]
_Pilot = Annotated[
    int,
    typer.Option(
        min=3, max=1000, metavar="N", help="With --power: the number of seeds in the pilot."
    ),
]

# What only one of the two takes.
_OF_MODEL = (
    *("limit", "unit", "target", "text", "skip", "also", "train", "recipe", "label"),
    *("revision", "dtype", "batch_tokens", "prompt"),
)
_OF_CONFIG = ("vectors", "power", "pilot")


def audit(
    context: typer.Context,
    model: _Model = None,
    data: _Data = None,
    model_option: o.ModelOption = None,
    data_option: _DataOption = None,
    recipe: _Recipe = None,
    train: _Train = False,
    skip: _Skip = None,
    also: _Also = None,
    split: _Split = None,
    limit: o.LimitOption = None,
    label: _Label = None,
    unit: o.UnitOption = o.Unit.word,
    target: _Target = None,
    attributions: _Attributions = None,
    text: _Text = False,
    vectors: o.VectorsOption = None,
    output: _Output = None,
    seed: _Seed = None,
    device: o.DeviceOption = o.Device.auto,
    dtype: o.PrecisionOption = o.Precision.float32,
    revision: o.RevisionOption = None,
    prompt: o.PromptOption = None,
    threads: o.ThreadsOption = 1,
    workers: o.WorkersOption = None,
    cluster: o.ClusterOption = None,
    batch_tokens: o.BatchTokensOption = None,
    dry_run: o.DryRunOption = False,
    lock: _Lock = None,
    power: _Power = False,
    pilot: _Pilot = 4,
    as_json: o.JsonOption = False,
    policy: o.PolicyOption = None,
    baseline: o.BaselineOption = None,
    strict: o.StrictOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Run every test, into one folder: on a model that CONFIG trains first, or on a MODEL.

    The command writes records/, report.json and, with the extra `html`, report.html into the
    folder. If you run it again, it continues where it stopped: it keeps what was made with the same
    settings, model and data.

    With CONFIG it also writes model.pt (for a transformer: model/), and the report has findings.
    The settings of the tests are under `audit:` in CONFIG.

    With MODEL only the tests that train no models run. The report says how many trainings and hours
    each finding would take. --recipe or --train also runs the other tests. The settings of the
    tests are in attnaudit.yaml, as for the single commands.
    """
    o.check_workers(workers, cluster)
    if power and not dry_run:
        raise InputError("--power goes with --dry-run", hint="give both, or leave --power out")
    name = _named(context, model, model_option)
    source = _source(context, data, data_option)
    existing = is_model(name)
    split = _checked_split(context, name, split, existing)
    _check_options(context, name, _OF_CONFIG if existing else _OF_MODEL)
    ending = Ending(policy, baseline, lock, dry_run, as_json, strict, quiet, verbose)
    place = (device.value, threads, workers, cluster)
    if not existing and name == model:
        _check_from_file(context, name)
    ending.check(source)
    if not existing:
        config, plan = _read(name, source, vectors, seed, output, split)
        plan = plan.with_attributions(attributions or ())
        ending.of_config(config, plan, _where(*place), pilot if power else None)
        return
    job = replace(
        _where(*place).job(name, o.required(source, "DATA")),
        split=split,
        limit=limit,
        dtype=dtype.value,
        revision=revision,
        batch_tokens=batch_tokens,
        pieces=unit is o.Unit.piece,
        seed=seed or 0,
        recipe=recipe,
        prompt=o.prompt_in(prompt),
    )
    trains = train or recipe is not None
    now, beyond = _plans(context, seed, target, (skip or (), also or ()), text, trains)
    now = now.with_attributions(attributions or ())
    labels = label or []
    if len(labels) > 1 or labels == [ALL_LABELS]:
        ending.of_labels(_existing(job, now, beyond, output), labels)
        return
    job = replace(job, label=labels[0] if labels else None)
    ending.of_model(_existing(job, now, beyond, output))


def _where(*place: Any) -> Where:
    from attnaudit.running.suite import Where

    return Where(*place)


def _read(
    name: str,
    source: Path | None,
    vectors: Path | None,
    seed: int | None,
    output: Path | None,
    shares: str | None,
) -> tuple[AnyConfig, Plan]:
    """A configuration and the tests that it plans, with what the command line says in its place."""
    from attnaudit.models.recipe import Overrides
    from attnaudit.running.plans import read_plan

    path = find_config(name)
    config, plan = read_plan(path, Overrides(source, vectors, seed, output, shares))
    check_output(path, config.output, output)
    return config, plan


def _plans(
    context: typer.Context,
    seed: int | None,
    target: Target | None,
    chosen: tuple[Sequence[str], Sequence[str]],
    text: bool,
    trains: bool,
) -> tuple[Plan, Plan | None]:
    """The tests that run on a model, and those that only training models would add, if any.

    `chosen` are the tests that the user leaves out, and those that the user adds.
    """
    from attnaudit.running.plans import plan_of_model

    given = {"seed": seed, "target": None if target is None else target.value}
    known = {key: value for key, value in given.items() if value is not None}
    skip, also = chosen
    file = FILE if FILE.is_file() else None
    now, whole = (
        plan_of_model(_defaults(context), known, skip, file, trains=each, text=text, also=also)
        for each in (trains, True)
    )
    return now, whole.without(now)


def _existing(job: Job, now: Plan, beyond: Plan | None, output: Path | None) -> Existing:
    from attnaudit.running.existing import Existing, default_folder

    return Existing(job, now, beyond, output or default_folder(job.model, job.label))


def _source(context: typer.Context, data: Path | None, option: Path | None) -> Path | None:
    """The DATA that was given; None where none was. Raises InputError for two."""
    if data is None and option is None:
        return None
    return o.either(context, data, option, "DATA")


def _check_from_file(context: typer.Context, name: str) -> None:
    """Raise InputError for a configuration that attnaudit.yaml names in place of a model."""
    if from_file(context, "model"):
        raise InputError(
            f"model: {name!r} is not allowed in this file: a configuration can name other files "
            "and models",
            where=FILE,
            hint="give it on the command line",
        )


def _named(context: typer.Context, model: str | None, option: str | None) -> str:
    """The CONFIG or MODEL that was given; raises InputError for none or two."""
    if not model and not option:
        raise InputError(
            "missing CONFIG or MODEL",
            hint="give a configuration such as `quickstart`, or an existing model and its --data",
        )
    return o.either(context, model, option, "MODEL")


def _check_options(context: typer.Context, name: str, others: Sequence[str]) -> None:
    """Raise InputError for an option that is for the other kind; attnaudit.yaml may hold any."""
    for option in others:
        source = context.get_parameter_source(option)
        if source is not None and source.name == "COMMANDLINE":
            wanted, is_ = ("MODEL", "CONFIG") if others is _OF_MODEL else ("CONFIG", "MODEL")
            raise InputError(
                f"--{option.replace('_', '-')} goes with a {wanted}, and {name} is a {is_}",
                hint="leave it out",
            )


def _checked_split(
    context: typer.Context, name: str, split: str | None, existing: bool
) -> str | None:
    """A split with MODEL, shares with CONFIG; raises InputError for what is for the other."""
    if split is None:
        return None
    if not existing:
        if "/" not in split and not from_file(context, "split"):
            raise InputError(
                f"--split {split} goes with a MODEL, and {name} is a CONFIG",
                hint="leave it out, or give shares such as 80/10/10 to split one file",
            )
        return o.shares_given(context, split)
    if "/" in split:
        raise InputError(
            f"--split {split} goes with a CONFIG, which trains on a part of the data",
            hint="for a MODEL, write `file:` and `split:` in a dataset spec, as they were when it"
            " was trained",
        )
    return split


def _defaults(context: typer.Context) -> Mapping[str, Mapping[str, Any]]:
    """What attnaudit.yaml says for each subcommand."""
    found = None if context.parent is None else context.parent.default_map
    return found or {}
