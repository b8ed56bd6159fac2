"""`attnaudit audit`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from attnaudit.cli import options as o
from attnaudit.cli.output import finish, html_or_hint, read_demands
from attnaudit.cli.places import check_output
from attnaudit.cli.samples import find_config
from attnaudit.errors import InputError


def audit(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG", help="A training configuration in YAML, or the name of a sample."
        ),
    ],
    data: o.SpecOption = None,
    vectors: o.VectorsOption = None,
    output: o.FolderOption = None,
    seed: o.ConfigSeedOption = None,
    device: o.DeviceOption = o.Device.auto,
    threads: o.ThreadsOption = 1,
    workers: o.WorkersOption = 1,
    cluster: o.ClusterOption = None,
    dry_run: o.DryRunOption = False,
    power: Annotated[
        bool,
        typer.Option(
            "--power",
            help="With --dry-run: train a few pilot seeds and say how likely answers are.",
        ),
    ] = False,
    pilot: Annotated[
        int,
        typer.Option(
            min=3, max=1000, metavar="N", help="With --power: how many pilot seeds to train."
        ),
    ] = 4,
    as_json: o.JsonOption = False,
    policy: o.PolicyOption = None,
    baseline: o.BaselineOption = None,
    strict: o.StrictOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Train a model and run every audit on it, into one folder, with findings.

    The folder gets model.pt (of a transformer: model/), records/, report.json and, with the extra
    `html`, report.html. Run again, it goes on where it stopped: what stands in the folder and is of
    the same settings, model and data is not made anew. Settings of the audits stand under `audit:`
    in CONFIG.
    """
    o.check_workers(workers, cluster)
    if power and not dry_run:
        raise InputError("--power goes with --dry-run", hint="give both, or leave --power out")
    path = find_config(config)
    demands = read_demands(policy, baseline)

    from attnaudit.cli.plan import show_plan
    from attnaudit.cli.progress import Display
    from attnaudit.models.recipe import Overrides
    from attnaudit.running.planning.dry_suite import plan_suite
    from attnaudit.running.planning.pilot import pilot_plan
    from attnaudit.running.planning.power import with_power
    from attnaudit.running.plans import read_plan
    from attnaudit.running.suite import Where, run_suite

    settings, plan = read_plan(path, Overrides(data, vectors, seed, output))
    check_output(path, settings.output, output)
    display = Display(quiet)
    where = Where(device.value, threads, workers, cluster)
    if dry_run:
        if power:
            pilot_plan(plan, pilot)  # what it refuses is refused before any work
        found = plan_suite(settings, plan, where, demands, display)
        if power:
            found = with_power(found, settings, plan, where, pilot, display)
        show_plan(found, as_json, quiet)
        return
    command_line = ("attnaudit", *sys.argv[1:])
    made = run_suite(settings, plan, where, demands, display, command_line)
    assert settings.output is not None
    page = settings.output / "report.html"
    remark = html_or_hint(made, page)
    try:
        finish(made, as_json=as_json, strict=strict, quiet=quiet, verbose=verbose)
    finally:
        display.say(remark)
