"""The subcommands that ask questions of a model, made from the questions and their settings."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union, get_args, get_origin, get_type_hints

import pydantic
import typer
from pydantic.fields import FieldInfo

from attnaudit.cli import options as o
from attnaudit.cli.output import (
    check_format,
    check_outputs,
    check_shown,
    files_of,
    finish,
    heatmaps_in,
    read_demands,
)
from attnaudit.config import Settings, in_words
from attnaudit.errors import InputError
from attnaudit.questions.compared import MeasuredSettings
from attnaudit.questions.option import key_of, option_of
from attnaudit.questions.question import Question

Asked = list[tuple[Question, Settings]]


def command_of(questions: Sequence[Question]) -> Callable[..., None]:
    """The subcommand that asks some questions: those that its options ask for.

    It takes MODEL and DATA first, then the settings of the questions, then what all subcommands of
    this kind take. Its help is what the questions say of themselves.
    """
    own = {name: p for question in questions for name, p in _options_of(question)}

    def command(**given: Any) -> None:
        taken = {key: given.pop(key) for key in (*_SHARED, *_OTHERS) if key in given}
        run(lambda: chosen(questions, given, taken["seed"]), questions[0].command, **taken)

    parameters = list(own.values())
    if any(question.retrains for question in questions):
        parameters.append(_OF_RETRAINING["recipe"])
    if any(not question.retrains for question in questions):
        parameters += _OF_EXISTING.values()
    if all(question.of_many_rows for question in questions):
        parameters.append(_OF_LAYERS["layer"])
    if any(question.of_sites for question in questions):
        parameters.append(_OF_SITES["site"])
    parameters += [_of_folder(question) for question in questions if question.keeps]
    shared = list(_SHARED.values())
    signature = inspect.Signature([*shared[:_FIRST], *parameters, *shared[_FIRST:]])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    command.__doc__ = "\n\n".join([questions[0].asks, *(q.about for q in questions)])
    return command


def chosen(questions: Sequence[Question], given: Mapping[str, Any], seed: int) -> Asked:
    """The questions that are asked, with their settings; raises InputError for mistakes in them."""
    asked: Asked = []
    for question in questions:
        values = {key: value for key, value in given.items() if value is not None} | {"seed": seed}
        answer = question.choose(values)
        if answer is not None:
            asked.append((question, _settings(question.settings, answer)))
    if not asked:
        raise InputError(
            "these options leave nothing to do", hint=f"see attnaudit {questions[0].command} --help"
        )
    return asked


def _settings(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    """The settings among the values; raises InputError with the option that is wrong."""
    plain: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        value, parse = values.get(name), option_of(field).parse
        if value is not None:
            plain[name] = value.value if isinstance(value, Enum) else value
            plain[name] = parse(value) if parse is not None and value else plain[name]
    try:
        return kind.model_validate(plain, strict=False)
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = str(problem["loc"][0])
        flag = _flag(name, kind.model_fields[name])
        raise InputError(f"{flag}: {in_words([problem])}") from None


def _options_of(question: Question) -> list[tuple[str, inspect.Parameter]]:
    """The options of a question, by the name of the setting: its switches first."""
    made = [
        _parameter(s.key, Annotated[bool, typer.Option(s.flags, help=s.help)], s.default)
        for s in question.switches
    ]
    hints = get_type_hints(question.settings)
    made += [
        _of_setting(name, hints[name], field)
        for name, field in question.settings.model_fields.items()
        if name != "seed" and option_of(field).offered
    ]
    return [(parameter.name, parameter) for parameter in made]


def _of_folder(question: Question) -> inspect.Parameter:
    """The option that names the folder in which a question keeps the models that it trains."""
    info = typer.Option(
        question.keep_option,
        metavar="FOLDER",
        help="Keep the trained models in FOLDER. With --resume, a model in FOLDER that was "
        "trained with the same settings is not trained again.",
    )
    usual: Any = question.keeps if question.usual else None
    return _parameter("models", Annotated[Optional[Path], info], usual)  # noqa: UP045


def _of_setting(name: str, kind: Any, field: FieldInfo) -> inspect.Parameter:
    """The option of a setting; its help is the setting's description."""
    option = option_of(field)
    item: Any
    item, many = _item(kind)
    if option.parse is not None:
        item = str
    default = None if many or option.parse is not None else field.default
    help_ = field.description or ""
    if many or option.default is not None:
        help_ += " Repeatable." if many else ""
        help_ += f"  [default: {option.default}]" if option.default is not None else ""
    flag = _flag(name, field)
    low, high = (None, None) if many else _bounds(field)
    info = typer.Option(flag, metavar=option.metavar, help=help_, min=low, max=high)
    if get_origin(item) is Literal:
        item = _choice(get_args(item))
        default = item(default)
    wanted: Any = list[item] if many else item
    if default is None:
        wanted = wanted | None
    return _parameter(name, Annotated[wanted, info], default)


def _choice(values: Sequence[str]) -> Any:
    """What typer takes as a choice of some words."""
    names: Any = {value: value for value in values}
    return Enum("Choice", names, type=str)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _item(kind: Any) -> tuple[Any, bool]:
    """What one value of an option is, and whether there may be several."""
    if get_origin(kind) is Annotated:
        return _item(get_args(kind)[0])
    if get_origin(kind) is Union or type(kind).__name__ == "UnionType":
        return _item(next(part for part in get_args(kind) if part is not type(None)))
    if get_origin(kind) is tuple:
        return _item(get_args(kind)[0])[0], True
    return kind, False


def _bounds(field: FieldInfo) -> tuple[Any, Any]:
    """The bounds of a number that typer checks and shows: it has no words for exclusive ones."""
    if any(getattr(m, key, None) is not None for m in field.metadata for key in ("gt", "lt")):
        return None, None
    found: list[Any] = [None, None]
    for metadata in field.metadata:
        for k, key in enumerate(("ge", "le")):
            if getattr(metadata, key, None) is not None:
                found[k] = getattr(metadata, key)
    return found[0], found[1]


def _flag(name: str, field: FieldInfo) -> str:
    return f"--{key_of(name, field).replace('_', '-')}"


def run(
    asked_for: Callable[[], Asked],
    name: str,
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
    workers: o.WorkersOption = None,
    cluster: o.ClusterOption = None,
    batch_tokens: o.BatchTokensOption = None,
    as_json: o.JsonOption = False,
    output: o.OutputOption = None,
    records: o.RecordsOption = None,
    resume: o.ResumeOption = False,
    verify: o.VerifyOption = "64",
    dry_run: o.DryRunOption = False,
    policy: o.PolicyOption = None,
    baseline: o.BaselineOption = None,
    show: o.ShowOption = 0,
    strict: o.StrictOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
    recipe: o.RecipeOption = None,
    models: Optional[Path] = None,  # noqa: UP045
    layer: o.LayerOption = -1,
    site: o.SiteOption = None,
    label: o.LabelOption = None,
    prompt: o.PromptOption = None,
) -> None:
    """Ask what is asked for and end as gates say; mistakes are found before any work starts.

    `name` is the subcommand.
    """
    reference = o.either(context, model, model_option, "MODEL")
    source = o.either(context, data, data_option, "DATA")
    if resume and records is None:
        raise InputError("--resume needs the --records of the run that was interrupted")
    o.check_workers(workers, cluster)
    if site is not None and layer != -1:
        raise InputError("--site and --layer are both given", hint="each names a site: choose one")
    checked = o.verified(verify)
    check_shown(show, name)
    asked = asked_for()
    read = (reference, source, *files_of(source), policy, baseline, prompt, *_attributions(asked))
    check_outputs(output, records, inputs=read)
    check_format(None, output)
    demands = read_demands(policy, baseline)

    from attnaudit.cli.progress import Display
    from attnaudit.running.job import Job
    from attnaudit.running.run import ask_questions
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
        verify=checked,
        layer=layer,
        site=site.value if site else None,
        label=label,
        prompt=o.prompt_in(prompt),
        command_line=("attnaudit", *sys.argv[1:]),
    )
    if dry_run:
        from attnaudit.cli.plan import show_plan
        from attnaudit.running.planning.dry_run import plan_questions

        show_plan(plan_questions(asked, job, demands, Display(quiet)), as_json, quiet)
        return
    worded = any(getattr(settings, "text", False) for _, settings in asked)
    count = show or (heatmaps_in(None, output) if worded else 0)
    viewer = Viewer(count) if count else None
    finish(
        ask_questions(asked, job, demands, Display(quiet), viewer),
        output=output,
        as_json=as_json,
        asked=show > 0,
        strict=strict,
        quiet=quiet,
        verbose=verbose,
    )


def _attributions(asked: Asked) -> list[str]:
    """The files of attributions that the questions read."""
    return [one.path for _, s in asked if isinstance(s, MeasuredSettings) for one in s.attributions]


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function by name, with annotations that are no strings."""
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    return {
        name: p.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, p in parameters.items()
    }


_ALL = _parameters(run)
_OF_RETRAINING = {name: _ALL[name] for name in ("recipe", "models")}
_OF_LAYERS = {"layer": _ALL["layer"]}
_OF_SITES = {"site": _ALL["site"]}
_OF_EXISTING = {name: _ALL[name] for name in ("label", "prompt")}
_OTHERS = (*_OF_RETRAINING, *_OF_LAYERS, *_OF_SITES, *_OF_EXISTING)
_SHARED = {k: p for k, p in _ALL.items() if k not in ("name", "asked_for", *_OTHERS)}
_FIRST = list(_SHARED).index("unit")  # the context, MODEL and DATA
