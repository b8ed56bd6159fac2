"""Arguments and options that several subcommands share, each written once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional, TypeVar

import typer

from attnaudit.cli.defaults import from_file
from attnaudit.errors import InputError
from attnaudit.report.formats import FORMATS

T = TypeVar("T")


class Device(str, Enum):
    """Where a model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Precision(str, Enum):
    """In what number format a model runs."""

    float32 = "float32"
    float64 = "float64"
    bfloat16 = "bfloat16"
    float16 = "float16"


class DeviceMap(str, Enum):
    """How a model is laid out over several devices."""

    auto = "auto"


# What a report is written as, and what names of files ask for it.
ENDINGS = ", ".join(form.ending for form in FORMATS if form.ending)
Format = Enum("Format", {form.name: form.name for form in FORMATS}, type=str)  # type: ignore[misc]


class Unit(str, Enum):
    """The unit of explanation."""

    word = "word"
    piece = "piece"


# typer reads these annotations at run time, and `Path | None` needs Python 3.10 in them too.
ModelArgument = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(
        metavar="MODEL",
        help="A model.pt or folder of `attnaudit train`, a Hugging Face folder or hub id, or"
        " package.module:factory.",
        show_default=False,
    ),
]
DataArgument = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Argument(
        metavar="DATA",
        help="A file of rows (.jsonl, .csv, .tsv, .xlsx, .parquet), a dataset spec in YAML, or a"
        " Hugging Face data set: its folder or hub id.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--model", metavar="MODEL", help="The same as the argument MODEL."),
]
DataOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--data", metavar="DATA", help="The same as the argument DATA."),
]
SplitOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="SPLIT", help="train, dev, test or all.  [default: test if there is one]"),
]
SharesOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--split",
        metavar="SHARES",
        help="Split one file of data by label into train, dev and test, such as 80/10/10 percent.",
    ),
]
LimitOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(min=1, help="Audit the first so many rows only; the report is marked partial."),
]
LayerOption = Annotated[
    int,
    typer.Option(
        metavar="L",
        help="Audit every row of layer L, 1 the lowest; -1: the row that the answer is read from.",
    ),
]
UnitOption = Annotated[Unit, typer.Option(help="Explain words, or the pieces they are cut into.")]
LARGEST_SEED = 2**31 - 1  # which every library takes
SeedOption = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Random seed.")]
# What `train` and `audit` take in place of what the configuration says.
SpecOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--data", metavar="SPEC", help="Dataset spec, in place of the config's."),
]
VectorsOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(metavar="FILE", help="Pretrained vectors, in place of the config's."),
]
ConfigSeedOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed, in place of the config's."),
]
FolderOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output", "-o", metavar="FOLDER", help="Where results go.  [default: CONFIG's name]"
    ),
]
DeviceOption = Annotated[Device, typer.Option(help="Where the model runs.")]
PrecisionOption = Annotated[Precision, typer.Option("--dtype", help="Number format.")]
RevisionOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="REVISION", help="Branch, tag or commit of a model of the hub."),
]
DeviceMapOption = Annotated[
    Optional[DeviceMap],  # noqa: UP045
    typer.Option(help="Lay a large Hugging Face model out over all devices (needs accelerate)."),
]
MOST = 1024  # threads, or processes; torch crashes with very many
ThreadsOption = Annotated[
    int,
    typer.Option(
        min=1, max=MOST, help="CPU threads. More threads help only large models on an idle machine."
    ),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        min=1, max=MOST, metavar="N", help="Processes to spread the work over; they share threads."
    ),
]
ClusterOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="ADDRESS",
        help="Spread the work over a dask cluster, such as tcp://10.0.0.1:8786.",
    ),
]
BatchTokensOption = Annotated[
    int, typer.Option(min=1, help="Padded tokens in a batch: less needs less memory.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the JSON report alone on stdout.")]
OutputOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output", "-o", metavar="FILE", help=f"Write the report to FILE, as it ends: {ENDINGS}."
    ),
]
RecordsOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(metavar="FILE", help="Write the records, one JSON line an instance, to FILE."),
]
RecipeOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="CONFIG", help="Training configuration of the model, where it brings none itself."
    ),
]
PolicyOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(metavar="FILE", help="Gates in YAML; a gate that fails gives exit code 1."),
]
BaselineOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="OLD",
        help="Records or report of an older run on the same data; a figure that got worse gives"
        " exit code 1.",
    ),
]
ShowOption = Annotated[
    int, typer.Option(min=0, metavar="N", help="Show heatmaps of N instances as well.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Inconclusive gates fail too.")]
VerifyOption = Annotated[
    str,
    typer.Option(
        metavar="N|all",
        help="Before any work, check that reading the attention gives the model's own answers: on"
        " all unusual texts, and on N of the others.",
    ),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where a run was interrupted.")]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Load and check all, say what there is to do and what it would take, and stop.",
    ),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but errors; the exit code tells.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show detail tables, and tracebacks of errors.")
]


def verified(asked: str) -> int | None:
    """How many texts to check, None for all; raises InputError for anything else."""
    if asked == "all":
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise InputError(f"--verify: should be a whole number or all, not {asked!r}")
    return int(asked)


def shares_given(context: typer.Context, split: str | None) -> str | None:
    """How --split says to split a file of data; raises InputError for shares that cannot be.

    A `split: test` of attnaudit.yaml is for commands that choose a split, and says nothing here.
    """
    from attnaudit.data.shares import shares_of

    if split is None or ("/" not in split and from_file(context, "split")):
        return None
    try:
        shares_of(split)
    except ValueError as error:
        raise InputError(f"--split: {error}") from None
    return split


def check_workers(workers: int, cluster: str | None) -> None:
    """Raise InputError where the work is to be spread in two ways."""
    if cluster is not None and workers > 1:
        raise InputError(
            "--workers and --cluster are both given",
            hint="leave --workers out: a cluster has its own",
        )


def either(context: typer.Context, argument: T | None, option: T | None, name: str) -> T:
    """The one of positional and option that was given; raises InputError for none or both."""
    if argument is not None and option is not None and not from_file(context, name.lower()):
        raise InputError(f"{name} is given twice, as an argument and as --{name.lower()}")
    return required(argument if option is None else option, name)


def required(value: T | None, name: str) -> T:
    """The value; raises InputError where there is none."""
    if value is None or value == "":
        raise InputError(
            f"missing {name}",
            hint=f"give it on the command line, or as `{name.lower()}:` in attnaudit.yaml here",
        )
    return value
