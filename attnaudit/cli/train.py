"""`attnaudit train`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from attnaudit.cli import options as o
from attnaudit.cli.output import finish
from attnaudit.cli.places import check_output
from attnaudit.cli.samples import find_config
from attnaudit.cli.target import check_config


def train(
    context: typer.Context,
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG",
            help="A training configuration in YAML, or the name of a sample configuration.",
        ),
    ],
    data: o.SpecOption = None,
    split: o.SharesOption = None,
    vectors: o.VectorsOption = None,
    output: o.FolderOption = None,
    seed: o.ConfigSeedOption = None,
    device: o.DeviceOption = o.Device.auto,
    threads: o.ThreadsOption = 1,
    resume: o.ResumeOption = False,
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Train a classic attention model, or fine-tune a pretrained transformer.

    A classic model is written as model.pt, with train.json next to it. If the configuration says
    `model: {pretrained: NAME}`, with a Hugging Face folder or hub id, the command fine-tunes that
    model and writes the folder model, which transformers can load. It keeps the epoch with the best
    score on dev. After an interruption, --resume continues after the last finished epoch.
    """
    check_config(config)
    path = find_config(config)
    split = o.shares_given(context, split)

    from attnaudit.cli.plan import show_plan
    from attnaudit.cli.progress import Display
    from attnaudit.execution.files import write_text
    from attnaudit.models.recipe import Overrides, read_config
    from attnaudit.report.combine import Combined
    from attnaudit.report.schema import dumps
    from attnaudit.running.planning.dry_suite import plan_training
    from attnaudit.running.run import run_training

    settings = read_config(path, Overrides(data, vectors, seed, output, split))
    check_output(path, settings.output, output)
    display = Display(quiet)
    if dry_run:
        plan = plan_training(settings, device.value, threads, resume, display)
        show_plan(plan, as_json, quiet)
        return
    command_line = ("attnaudit", *sys.argv[1:])
    fitted, report = run_training(settings, device.value, threads, display, resume, command_line)
    write_text(fitted.folder / "train.json", dumps(report))
    try:
        finish(Combined(report), as_json=as_json, quiet=quiet, verbose=verbose)
    finally:
        display.say(f"Wrote {fitted.checkpoint}; audit it with")
        display.say(f"  attnaudit correlate {fitted.checkpoint} {fitted.data}")
