"""`attnaudit audit`: of a configuration, which is trained first, or of a model that there is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.defaults import FILE, from_file
from attnaudit.cli.output import check_outputs, finish, html_or_hint, read_demands
from attnaudit.cli.places import check_output
from attnaudit.cli.samples import find_config
from attnaudit.cli.target import is_model
from attnaudit.errors import InputError
from attnaudit.execution.budget import BATCH_TOKENS

if TYPE_CHECKING:
    from attnaudit.cli.progress import Display
    from attnaudit.models.recipe import AnyConfig
    from attnaudit.report.combine import Combined
    from attnaudit.report.demands import Demands
    from attnaudit.report.lock import Lock, Planned
    from attnaudit.running.existing import Existing
    from attnaudit.running.planning.plan import WorkPlan
    from attnaudit.running.plans import Plan
    from attnaudit.running.suite import Where


class Target(str, Enum):
    """Whose probability importances explain."""

    predicted = "predicted"
    gold = "gold"


# What only one of the two takes.
_OF_MODEL = (
    *("split", "limit", "unit", "target", "text", "skip", "train", "recipe"),
    *("revision", "dtype", "batch_tokens"),
)
_OF_CONFIG = ("vectors", "power", "pilot")


def audit(
    context: typer.Context,
    model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="CONFIG|MODEL",
            help="A training configuration in YAML, or the name of a sample configuration. Or "
            "an existing model: a Hugging Face folder or hub id, a model.pt, or "
            "package.module:factory.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(metavar="DATA", help="The same as --data.", show_default=False),
    ] = None,
    model_option: o.ModelOption = None,
    data_option: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--data",
            metavar="DATA",
            help="A .jsonl, .csv or .tsv file, or a dataset spec. With CONFIG, it replaces the "
            "data in CONFIG.",
        ),
    ] = None,
    recipe: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="CONFIG",
            help="With MODEL: the configuration that trained it. With this option the tests "
            "that train models run, too.",
        ),
    ] = None,
    train: Annotated[
        bool,
        typer.Option(
            "--train",
            help="With MODEL: also run the tests that train models. The model must contain its "
            "recipe (its training configuration).",
        ),
    ] = False,
    skip: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="TEST", help="With MODEL: leave out this test. Repeatable."),
    ] = None,
    split: o.SplitOption = None,
    limit: o.LimitOption = None,
    unit: o.UnitOption = o.Unit.word,
    target: Annotated[
        Optional[Target],  # noqa: UP045
        typer.Option(
            help="The class whose probability the importances explain: the predicted one or"
            " the correct one.  [default: predicted]"
        ),
    ] = None,
    text: Annotated[
        bool,
        typer.Option(
            "--text", help="With MODEL: keep the words in the records. Heatmaps need them."
        ),
    ] = False,
    vectors: o.VectorsOption = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="The folder for the results.  [default: CONFIG's name, or MODEL's name and "
            "-audit]",
        ),
    ] = None,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=0,
            max=o.LARGEST_SEED,
            help="Random seed. With CONFIG, it replaces the seed in CONFIG.",
        ),
    ] = None,
    device: o.DeviceOption = o.Device.auto,
    dtype: o.PrecisionOption = o.Precision.float32,
    revision: o.RevisionOption = None,
    threads: o.ThreadsOption = 1,
    workers: o.WorkersOption = 1,
    cluster: o.ClusterOption = None,
    batch_tokens: o.BatchTokensOption = BATCH_TOKENS,
    dry_run: o.DryRunOption = False,
    lock: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="FILE",
            help="With --dry-run: write the plan to FILE. It holds the settings, and digests of "
            "policy, data, model and code. Without --dry-run: the report says whether the "
            "run followed the plan in FILE.",
        ),
    ] = None,
    power: Annotated[
        bool,
        typer.Option(
            "--power",
            help="With CONFIG and --dry-run: train models with a few seeds first (a pilot), and "
            "say how likely each finding is to reach an answer.",
        ),
    ] = False,
    pilot: Annotated[
        int,
        typer.Option(
            min=3, max=1000, metavar="N", help="With --power: the number of seeds in the pilot."
        ),
    ] = 4,
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
    source = None
    if data is not None or data_option is not None:
        source = o.either(context, data, data_option, "DATA")
    existing = is_model(name)
    _check_options(context, name, _OF_CONFIG if existing else _OF_MODEL)
    if not existing and name == model and from_file(context, "model"):
        raise InputError(
            f"model: {name!r} is not allowed in this file: a configuration can name other files "
            "and models",
            where=FILE,
            hint="give it on the command line",
        )
    ending = _Ending(policy, baseline, lock, dry_run, as_json, strict, quiet, verbose)
    ending.check(source)

    from attnaudit.running.suite import Where

    where = Where(device.value, threads, workers, cluster)
    if not existing:
        from attnaudit.models.recipe import Overrides
        from attnaudit.running.plans import read_plan

        path = find_config(name)
        config, plan = read_plan(path, Overrides(source, vectors, seed, output))
        check_output(path, config.output, output)
        ending.of_config(config, plan, where, pilot if power else None)
        return

    from attnaudit.running.existing import Existing, default_folder
    from attnaudit.running.plans import plan_of_model

    given = {"seed": seed, "target": None if target is None else target.value}
    plans = [
        plan_of_model(
            _defaults(context),
            {key: value for key, value in given.items() if value is not None},
            skip or (),
            FILE if FILE.is_file() else None,
            trains=trains,
            text=text,
        )
        for trains in (train or recipe is not None, True)
    ]
    job = replace(
        where.job(name, o.required(source, "DATA")),
        split=split,
        limit=limit,
        dtype=dtype.value,
        revision=revision,
        batch_tokens=batch_tokens,
        pieces=unit is o.Unit.piece,
        seed=seed or 0,
        recipe=recipe,
    )
    beyond = plans[1].without(plans[0])
    ending.of_model(Existing(job, plans[0], beyond, output or default_folder(name)))


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


def _defaults(context: typer.Context) -> Mapping[str, Mapping[str, Any]]:
    """What attnaudit.yaml says for each subcommand."""
    found = None if context.parent is None else context.parent.default_map
    return found or {}


@dataclass(frozen=True)
class _Ending:
    """What is done with a run, and how it is told."""

    policy: Path | None
    baseline: Path | None
    lock: Path | None
    dry_run: bool
    as_json: bool
    strict: bool
    quiet: bool
    verbose: bool

    @cached_property
    def demands(self) -> Demands | None:
        return read_demands(self.policy, self.baseline)

    @cached_property
    def held_to(self) -> Lock | None:
        """The plan with which the run is compared."""
        from attnaudit.report.lock import read_lock

        return None if self.lock is None or self.dry_run else read_lock(self.lock)

    @cached_property
    def display(self) -> Display:
        from attnaudit.cli.progress import Display

        return Display(self.quiet)

    @property
    def command_line(self) -> tuple[str, ...]:
        return ("attnaudit", *sys.argv[1:])

    def check(self, source: Path | None) -> None:
        """Raise InputError or OutputError for files that cannot be used, before any work."""
        _ = self.demands, self.held_to
        if self.lock is not None and self.dry_run:
            from attnaudit.running.locking import check_new

            check_outputs(self.lock, inputs=(source, self.policy, self.baseline))
            check_new(self.lock)

    def of_config(self, config: AnyConfig, plan: Plan, where: Where, pilot: int | None) -> None:
        """Train and audit, or say what that would take."""
        from attnaudit.running.suite import folder_of, run_suite

        demands, display = self.demands, self.display
        if not self.dry_run:
            made = run_suite(config, plan, where, demands, display, self.command_line, self.held_to)
            self._finish(made, folder_of(config))

        from attnaudit.running.locking import planned_training
        from attnaudit.running.planning.dry_suite import plan_suite
        from attnaudit.running.planning.pilot import pilot_plan
        from attnaudit.running.planning.power import with_power

        if pilot is not None:
            pilot_plan(plan, pilot)  # what it refuses is refused before any work
        found = plan_suite(config, plan, where, demands, display)
        if pilot is not None:
            found = with_power(found, config, plan, where, pilot, display)
        self._show(found, lambda: planned_training(config, plan, demands))

    def of_model(self, asked: Existing) -> None:
        """Audit a model that there is, or say what that would take."""
        from attnaudit.running.existing import run_existing

        asked = replace(asked, job=replace(asked.job, command_line=self.command_line))
        if not self.dry_run:
            made = run_existing(asked, self.demands, self.display, self.held_to)
            self._finish(made, asked.folder)

        from attnaudit.running.planning.dry_existing import plan_existing

        found, planned = plan_existing(asked, self.demands, self.display)
        self._show(found, lambda: planned)

    def _show(self, found: WorkPlan, planned: Callable[[], Planned]) -> None:
        from attnaudit.cli.plan import show_plan
        from attnaudit.running.locking import write_lock

        if self.lock is not None:
            digest = write_lock(self.lock, planned(), self.command_line)
        show_plan(found, self.as_json, self.quiet, self.lock)
        if self.lock is not None:
            self.display.say(f"Wrote {self.lock}; keep it, or its SHA-256 {digest}, out of reach")

    def _finish(self, made: Combined, folder: Path) -> NoReturn:
        remark = html_or_hint(made, folder / "report.html")
        try:
            finish(
                made,
                as_json=self.as_json,
                strict=self.strict,
                quiet=self.quiet,
                verbose=self.verbose,
            )
        finally:
            self.display.say(remark)
