"""Which questions are asked, with which settings: names and mappings as a program gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnaudit.config import Settings
from attnaudit.errors import InputError, did_you_mean
from attnaudit.questions import all_questions
from attnaudit.questions.compared import with_attributions
from attnaudit.questions.question import Question

Asked = list[tuple[Question, Settings]]


def asked_of(
    names: Sequence[str] | None,
    settings: Mapping[str, Any],
    text: bool,
    seed: int,
    attributions: Sequence[str] = (),
) -> Asked:
    """The questions of these names with their settings; raises InputError for mistakes."""
    from attnaudit.running.plans import plan_of

    commands = {question.command for question in all_questions()}
    for command, given in settings.items():
        if command not in commands:
            hint = did_you_mean(str(command), sorted(commands))
            raise InputError(f"settings: no command {command!r}", hint=hint)
        if not isinstance(given, Mapping):
            hint = 'give a mapping, such as {"permute": {"permutations": 10}}'
            raise InputError(f"settings: {command} is a {type(given).__name__}", hint=hint)
    if isinstance(names, str):
        names = (names,)
    known = {name for question in all_questions() for name in (question.name, question.command)}
    for name in names or ():
        if name not in known:
            raise InputError(f"no question {name!r}", hint=did_you_mean(name, sorted(known)))
    section = {command: dict(given) for command, given in settings.items()}
    for question in all_questions():
        for switch in question.switches:
            if switch.key in question.suite:  # which a suite asks for, and a command does not
                section.setdefault(question.command, {}).setdefault(switch.key, switch.default)
    plan = plan_of({**section, "also": list(names or ())})
    asked: Asked = []
    for question in plan.questions:
        if not question.retrains if names is None else _is_named(question, names):
            found = plan.settings[question.name]
            said = section.get(question.command, {})
            wanted = {} if "seed" in said else {"seed": seed}
            wanted |= {"text": True} if text else {}
            fields = type(found).model_fields
            changed = {name: value for name, value in wanted.items() if name in fields}
            asked.append((question, found.model_copy(update=changed)))
    for name in names or ():
        if not any(_is_named(question, (name,)) for question, _ in asked):
            raise InputError(
                f"these settings leave no question for {name}",
                hint="model-adversary needs settings={'adversary': {'sweep': True}} or `lambda`",
            )
    given = with_attributions({question.name: one for question, one in asked}, attributions)
    return [(question, given[question.name]) for question, _ in asked]


def _is_named(question: Question, names: Sequence[str]) -> bool:
    return question.name in names or question.command in names
