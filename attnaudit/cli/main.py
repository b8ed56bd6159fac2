"""The `attnaudit` command: subcommands, defaults from attnaudit.yaml, errors and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer
from typer.main import get_command

from attnaudit import __version__
from attnaudit.cli.ask import command_of
from attnaudit.cli.audit import audit
from attnaudit.cli.calibrate import calibrate
from attnaudit.cli.data import data_app
from attnaudit.cli.defaults import FILE, from_file, read_defaults
from attnaudit.cli.explain import explain
from attnaudit.cli.output import help_alone, show
from attnaudit.cli.report import report
from attnaudit.cli.streams import check_written, steady
from attnaudit.cli.train import train
from attnaudit.errors import AuditError, harmless, printable
from attnaudit.execution.collector import COLLECTOR
from attnaudit.execution.shortage import memory_ran_out
from attnaudit.questions import all_questions

# typer brings a click of its own; its exceptions are reached through typer's public names.
ClickException: type[Exception] = typer.BadParameter.__mro__[2]
INTERRUPTED = 130
UNUSABLE = 2  # usage, input, load or internal error: no verdict
_LONGEST = 2000  # characters of a line that says what is wrong
_SMALLER = "close other programs, or give a smaller --batch-tokens or fewer --workers"

app = typer.Typer(
    name="attnaudit",
    invoke_without_command=True,
    rich_markup_mode=None,  # plain help: five times as fast, and it can be searched
    pretty_exceptions_enable=False,
    help="Weigh the evidence on whether a model's attention may be shown as an explanation.",
    epilog="Exit codes: 0 no gate failed, 1 a gate failed, 2 unusable input or an error,"
    " 130 interrupted.",
)
app.command()(train)
for _command in dict.fromkeys(question.command for question in all_questions()):
    app.command(_command)(command_of([q for q in all_questions() if q.command == _command]))
app.command()(report)
app.command()(audit)
app.command()(calibrate)
app.command()(explain)
app.add_typer(data_app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        packages = ("torch", "numpy", "scipy", "tokenizers")
        versions = [f"{package} {metadata.version(package)}\n" for package in packages]
        show("".join([f"attnaudit {__version__}\n", *versions]))
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show versions and exit."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        help_alone(context)
    if "--help" not in sys.argv:  # which shows the program's own defaults, whatever the file says
        context.default_map = read_defaults(context)


def main() -> None:
    """Entry point: one clean line for every problem, and the exit code that CI relies on."""
    with steady(), COLLECTOR.put_off():
        code = _code()
    sys.exit(code)


@cache
def _program() -> Callable[..., Any]:
    """All commands with their options, which take longer to put together than most answers."""
    return get_command(app)


def _code() -> int:
    verbose = bool({"-v", "--verbose"} & set(sys.argv[1:]))
    try:
        code: int = _program()(prog_name="attnaudit", standalone_mode=False) or 0
        check_written()
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except ClickException as error:
        code = _fail(_usage(error))
    except AuditError as error:
        code = _fail(str(error))
    except Exception as error:
        if _interrupted(error):
            code = INTERRUPTED
        elif memory_ran_out(error):
            code = _fail(f"memory ran out; {_SMALLER}")
        elif verbose:
            code = _traceback()
        elif isinstance(error, OSError) and error.filename is not None:
            code = _fail(f"{error.filename!s:.200}: {error.strerror}")
        else:
            code = _fail(
                f"internal error: {type(error).__name__}: {error}; run again with -v and report it"
            )
    if code == INTERRUPTED:
        sys.stderr.write("interrupted\n")
    return code


def _interrupted(error: BaseException | None) -> bool:
    """Whether an error came of Ctrl-C: torch raises one of its own if stopped while it writes."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _usage(error: Any) -> str:
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    # Typer quotes what pydantic says of a value, with the kind of its exception in front.
    message: str = error.format_message().replace("Value error, ", "", 1)
    if context and parameter and from_file(context, parameter.name):
        return f"{FILE}: {message}"
    return message


def _fail(message: str) -> int:
    lines = message.strip().splitlines() or ["unknown error"]
    line = printable(" ".join(line.strip() for line in lines))
    if len(line) > _LONGEST:  # a library quotes a whole file, say; what to do stands at the end
        line = f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"
    sys.stderr.write(harmless(f"error: {line}\n"))
    return UNUSABLE


def _traceback() -> int:
    import traceback

    traceback.print_exc()
    return UNUSABLE
