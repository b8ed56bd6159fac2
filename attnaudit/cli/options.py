"""Arguments and options that several subcommands share, each written once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, TypeVar

import typer

from attnaudit.cli.defaults import from_file
from attnaudit.errors import InputError
from attnaudit.report.formats import FORMATS

if TYPE_CHECKING:
    from attnaudit.data.prompt import Prompt

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


class Site(str, Enum):
    """Which attention of a model that has several kinds at the row that is read."""

    self = "self"
    cross = "cross"


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
        help="A model.pt or folder that `attnaudit train` wrote, a Hugging Face folder or hub "
        "id, or package.module:factory.",
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
    typer.Option(
        metavar="SPLIT",
        help="The part of the data to audit: train, dev, test or all."
        "  [default: test if there is one]",
    ),
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
    typer.Option(
        min=1,
        help="Audit only the first N rows. The report is then marked as "
        "partial, and it has no findings.",
    ),
]
LayerOption = Annotated[
    int,
    typer.Option(
        metavar="L",
        help="Audit every row of layer L, 1 the lowest; -1: the row that the answer is read from.",
    ),
]
SiteOption = Annotated[
    Optional[Site],  # noqa: UP045
    typer.Option(
        help="For encoder-decoders: audit the row's attention to the tokens of the decoder (self)"
        " or of the encoder (cross).  [default: self]",
        show_default=False,
    ),
]
PromptOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE",
        help="Of a language model: a YAML file with a prompt and the words that answer it. See"
        " `attnaudit explain prompt`.",
    ),
]
LabelOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="NAME",
        help="Of a model that gives several labels to a text: the label to audit, as a yes or no."
        " `attnaudit audit` can do several.",
    ),
]
UnitOption = Annotated[
    Unit,
    typer.Option(help="Explain whole words, or the pieces into which the tokenizer cuts them."),
]
LARGEST_SEED = 2**31 - 1  # which every library takes
SeedOption = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Random seed.")]
# What `train` and `audit` take in place of what the configuration says.
SpecOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--data", metavar="SPEC", help="A dataset spec to use instead of the data in CONFIG."
    ),
]
VectorsOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE", help="A file of word vectors to use instead of the vectors in CONFIG."
    ),
]
ConfigSeedOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--seed",
        min=0,
        max=LARGEST_SEED,
        help="A random seed to use instead of the seed in CONFIG.",
    ),
]
FolderOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="The folder for the results.  [default: CONFIG's name]",
    ),
]
DeviceOption = Annotated[Device, typer.Option(help="The device that runs the model.")]
PrecisionOption = Annotated[Precision, typer.Option("--dtype", help="Number format.")]
RevisionOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="REVISION", help="Branch, tag or commit of a model on the hub."),
]
DeviceMapOption = Annotated[
    Optional[DeviceMap],  # noqa: UP045
    typer.Option(help="Spread a large Hugging Face model over all devices (needs accelerate)."),
]
MOST = 1024  # threads, or processes; torch crashes with very many
ThreadsOption = Annotated[
    int,
    typer.Option(
        min=1, max=MOST, help="CPU threads. More threads help only large models on an idle machine."
    ),
]
WorkersOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        min=1,
        max=MOST,
        metavar="N",
        help="How many processes share the work. They also share the CPU threads."
        "  [default: as many as make it faster]",
    ),
]
ClusterOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="ADDRESS",
        help="Send the work to a dask cluster, such as tcp://10.0.0.1:8786.",
    ),
]
BatchTokensOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        min=1,
        help="Tokens in a batch, with padding. A smaller number needs less memory.",
        show_default="4096; on a GPU, as many as its memory holds, up to 65536",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only the JSON report on stdout.")]
OutputOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Write the report to FILE. The ending of the name decides the format: {ENDINGS}.",
    ),
]
RecordsOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(metavar="FILE", help="Write the records to FILE, one JSON line for each text."),
]
RecipeOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="CONFIG",
        help="The configuration that trained the model. It is needed if the "
        "model does not contain it.",
    ),
]
PolicyOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE",
        help="A YAML file of gates: limits for figures and findings. "
        "A gate that fails gives exit code 1.",
    ),
]
BaselineOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="OLD",
        help="Records or report of an older run on the same data. A figure that is now worse "
        "gives exit code 1.",
    ),
]
ShowOption = Annotated[int, typer.Option(min=0, metavar="N", help="Also show heatmaps of N texts.")]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="An inconclusive gate gives exit code 1, too.")
]
VerifyOption = Annotated[
    str,
    typer.Option(
        metavar="N|all",
        help="First check that attnaudit and the model itself give the same answers: on all "
        "unusual texts, and on N other texts.",
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Continue a run that was interrupted.")
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Load and check everything, say what the run would do and how long it would take, "
        "and stop.",
    ),
]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print only errors. The exit code says how the run ended."),
]
VerboseOption = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Also show detailed tables, and tracebacks of errors."),
]


def verified(asked: str) -> int | None:
    """How many texts to check, None for all; raises InputError for anything else."""
    if asked == "all":
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise InputError(f"--verify: should be a whole number or all, not {asked!r}")
    return int(asked)


def prompt_in(path: Path | None) -> Prompt | None:
    """The prompt that a file of --prompt holds; raises InputError for a mistake in it."""
    if path is None:
        return None
    from attnaudit.data.prompt import read_prompt  # only now: pydantic is slow

    return read_prompt(path)


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


def check_workers(workers: int | None, cluster: str | None) -> None:
    """Raise InputError where the work is to be spread in two ways."""
    if cluster is not None and workers is not None and workers > 1:
        raise InputError(
            "--workers and --cluster are both given",
            hint="leave --workers out: a cluster has its own workers",
        )


def either(context: typer.Context, argument: T | None, option: T | None, name: str) -> T:
    """The one of positional and option that was given; raises InputError for none or both."""
    if argument is not None and option is not None and not from_file(context, name.lower()):
        raise InputError(f"{name} is given twice, as an argument and as --{name.lower()}")
    return required(argument if option is None else option, name)


def required(value: T | None, name: str) -> T:
    """The value; raises InputError if there is none."""
    if value is None or value == "":
        raise InputError(
            f"missing {name}",
            hint=f"give it on the command line, or as `{name.lower()}:` in attnaudit.yaml here",
        )
    return value
