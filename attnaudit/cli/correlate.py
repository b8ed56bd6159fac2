"""`attnaudit correlate`."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.output import check_outputs, finish, read_policy
from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES


def correlate(
    context: typer.Context,
    model: o.ModelArgument = None,
    data: o.DataArgument = None,
    model_option: o.ModelOption = None,
    data_option: o.DataOption = None,
    measure: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="NAME",
            help=f"Importance measures to compare, repeatable: {', '.join(IMPORTANCES)}."
            "  [default: all]",
        ),
    ] = None,
    target: o.TargetOption = o.Target.predicted,
    top: Annotated[
        float, typer.Option(help="Share of words that count as top words, above 0 and up to 1.")
    ] = 0.2,
    unit: o.UnitOption = o.Unit.word,
    split: o.SplitOption = None,
    limit: o.LimitOption = None,
    seed: o.SeedOption = 0,
    device: o.DeviceOption = o.Device.auto,
    dtype: o.PrecisionOption = o.Precision.float32,
    threads: o.ThreadsOption = 1,
    batch_tokens: o.BatchTokensOption = 4096,
    as_json: o.JsonOption = False,
    output: o.OutputOption = None,
    records: o.RecordsOption = None,
    resume: o.ResumeOption = False,
    policy: o.PolicyOption = None,
    strict: o.StrictOption = False,
    text: o.TextOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Does attention rank words as gradients and leave-one-out do?

    Kendall's tau of attention against each importance measure, per instance, beside a random
    ranking (the floor) and beside the agreement of the measures with each other (the reference).
    Agreement is evidence, not proof: measures disagree among themselves, tau depends on length and
    ignores size, and a gradient with attention held fixed carries the attention as a factor.
    Jain & Wallace 2019, section 4.1.
    """
    reference = o.either(context, model, model_option, "MODEL")
    source = o.either(context, data, data_option, "DATA")
    if not 0 < top <= 1:
        raise InputError(f"--top {top:g}: must lie above 0 and be at most 1")
    if resume and records is None:
        raise InputError("--resume needs the --records of the run that was interrupted")
    gates = read_policy(policy)
    check_outputs(output, records, inputs=(reference, source, policy))

    from attnaudit.audits.correlate import AUDIT, CorrelateSettings, check_measures
    from attnaudit.audits.run import Job, run_audit
    from attnaudit.cli.progress import Display

    settings = CorrelateSettings(
        target=target.value,
        measures=check_measures(measure or list(IMPORTANCES)),
        top=top,
        seed=seed,
        text=text,
    )
    job = Job(
        model=reference,
        data=source,
        split=split,
        limit=limit,
        device=device.value,
        threads=threads,
        dtype=dtype.value,
        batch_tokens=batch_tokens,
        pieces=unit is o.Unit.piece,
        seed=seed,
        records=records,
        resume=resume,
        command_line=("attnaudit", *sys.argv[1:]),
    )
    report = run_audit(AUDIT, settings, job, gates, Display(quiet))
    finish(report, as_json=as_json, output=output, strict=strict, quiet=quiet, verbose=verbose)
