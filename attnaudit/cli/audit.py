"""What the subcommands of all audits have in common: their options, and what happens with them."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from attnaudit.cli import options as o
from attnaudit.cli.output import check_outputs, check_shown, files_of, finish, read_demands
from attnaudit.errors import InputError
from attnaudit.questions import find_question
from attnaudit.report.formats import find_format

if TYPE_CHECKING:
    from attnaudit.config import Settings

    Asked = Settings | Mapping[str, Settings]  # of one question, or of several by name


def audit_command(own: Callable[..., Asked]) -> Callable[..., None]:
    """Make the command of an audit from the function, called like it, of its own options.

    That function turns its options and the `seed` into the settings of the question of its name, or
    into those of each question that it asks, by name; it imports them only then. The command takes
    MODEL and DATA before its own options and all that `run` takes after them, and has the
    function's docstring as its help. An audit that retrains names `recipe` and `models` among its
    options; they go to `run`, not to the function.
    """

    @functools.wraps(own)
    def command(**given: Any) -> None:
        taken = {key: given.pop(key) for key in (*_SHARED, *_OF_RETRAINING) if key in given}
        settings = functools.partial(own, **given, seed=taken["seed"])
        run(own.__name__.replace("_", "-"), settings, **taken)

    parameters = [p for name, p in _parameters(own).items() if name != "seed"]
    shared = list(_SHARED.values())
    signature = inspect.Signature([*shared[:_FIRST], *parameters, *shared[_FIRST:]])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return command


def run(
    name: str,
    settings: Callable[[], Asked],
    context: typer.Context,
    model: o.ModelArgument = None,
    data: o.DataArgument = None,
    model_option: o.ModelOption = None,
    data_option: o.DataOption = None,
    unit: o.UnitOption = o.Unit.word,
    split: o.SplitOption = None,
    limit: o.LimitOption = None,
    seed: o.SeedOption = 0,
    device: o.DeviceOption = o.Device.auto,
    dtype: o.PrecisionOption = o.Precision.float32,
    revision: o.RevisionOption = None,
    device_map: o.DeviceMapOption = None,
    threads: o.ThreadsOption = 1,
    workers: o.WorkersOption = 1,
    cluster: o.ClusterOption = None,
    batch_tokens: o.BatchTokensOption = 4096,
    as_json: o.JsonOption = False,
    output: o.OutputOption = None,
    records: o.RecordsOption = None,
    resume: o.ResumeOption = False,
    dry_run: o.DryRunOption = False,
    policy: o.PolicyOption = None,
    baseline: o.BaselineOption = None,
    show: o.ShowOption = 0,
    strict: o.StrictOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
    recipe: o.RecipeOption = None,
    models: o.ModelsOption = None,
) -> None:
    """Run the audit `name` and end as its gates say; mistakes are found before any work starts."""
    reference = o.either(context, model, model_option, "MODEL")
    source = o.either(context, data, data_option, "DATA")
    if resume and records is None:
        raise InputError("--resume needs the --records of the run that was interrupted")
    o.check_workers(workers, cluster)
    check_shown(show, name)
    read = (reference, source, *files_of(source), policy, baseline)
    check_outputs(output, records, inputs=read)
    demands = read_demands(policy, baseline)
    chosen = settings()
    by_name = chosen if isinstance(chosen, Mapping) else {name: chosen}
    asked = [(find_question(question), its) for question, its in by_name.items()]

    from attnaudit.cli.plan import show_plan
    from attnaudit.cli.progress import Display
    from attnaudit.report.combine import Combined
    from attnaudit.running.job import Job
    from attnaudit.running.planning.dry_run import plan_questions
    from attnaudit.running.run import run_questions
    from attnaudit.running.viewer import Viewer

    job = Job(
        model=reference,
        data=source,
        split=split,
        limit=limit,
        device=device.value,
        threads=threads,
        workers=workers,
        cluster=cluster,
        dtype=dtype.value,
        revision=revision,
        device_map=device_map.value if device_map else None,
        batch_tokens=batch_tokens,
        pieces=unit is o.Unit.piece,
        seed=seed,
        records=records,
        resume=resume,
        recipe=recipe,
        models=models,
        command_line=("attnaudit", *sys.argv[1:]),
    )
    if dry_run:
        show_plan(plan_questions(asked, job, demands, Display(quiet)), as_json, quiet)
        return
    viewer = Viewer(show) if show else None
    report = run_questions(asked, job, demands, Display(quiet), viewer)
    finish(
        Combined(report, gallery=viewer.gallery if viewer else None),
        None if output is None else find_format("json"),
        output,
        as_json=as_json,
        asked=show > 0,
        strict=strict,
        quiet=quiet,
        verbose=verbose,
    )


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function by name, with annotations that are no strings."""
    # Settings are imported for type checkers alone: at start-up nothing heavy may be.
    hints = get_type_hints(
        function, include_extras=True, localns={"Settings": object, "Asked": object}
    )
    parameters = inspect.signature(function).parameters
    return {name: p.replace(annotation=hints[name]) for name, p in parameters.items()}


_OF_RETRAINING = ("recipe", "models")
_SHARED = {
    k: p for k, p in _parameters(run).items() if k not in ("name", "settings", *_OF_RETRAINING)
}
_FIRST = list(_SHARED).index("unit")  # the context, MODEL and DATA
