"""The page as HTML that needs no other file and no network. Its one script is named by its hash."""

from __future__ import annotations

from attnaudit.drawing.palette import DARK, LIGHT, variables
from attnaudit.errors import InputError
from attnaudit.report.html.template import resource, script_hash, template
from attnaudit.report.interactive.content import Movables, as_json
from attnaudit.report.schema import Report

_HERE = "attnaudit.report.interactive"
LINEAR = ", from one number for each word and class"
ABOVE = ", with the whole part of the network above this attention"
WORDS = "The weight of a word is the share of the attention that lies on it."
HEADS = (
    "The model has {heads} heads, and each has its own weights. You see one number for each word"
    " (reading: {reading}). When you move a word, every head takes the weights that you see. Only"
    " the button \u201cthe model's own\u201d brings back what each head does."
)
OUTSIDE = (
    "A part of the attention lies outside the words, on marks that the model puts around a "
    "text. That part does not change."
)
REMARKS = (
    "Here you can set weights that the model may never produce. An answer may stay the same "
    "although you move all weight. This alone is no evidence against attention: in long texts "
    "and with confident answers it is easy.",
    "Moving weight away from a word does not remove the word. The states of the other words "
    "still contain it.",
    "The thin line in each bar is the model's own answer.",
)


def interactive_page(report: Report, content: Movables, labels: list[str]) -> str:
    """The page of a report's texts; `labels` name the classes.

    Raises InputError where what fills the template is not installed, or there is no text.
    """
    if not content.texts:
        raise InputError(
            "there is no text to show",
            hint="give records with words: run the audit with --text",
        )
    script = resource(_HERE, "page.js")
    heads = max(len(text.alpha) for text in content.texts)
    outside = any(text.outside for text in content.texts)
    remarks = [
        *([HEADS.format(heads=heads, reading=_reading(report))] if heads > 1 else []),
        *([OUTSIDE] if outside else []),
        *REMARKS,
    ]
    return template(_HERE, "page.html").render(
        script_hash=script_hash(script),
        version=report.manifest.attnaudit,
        model=report.model.name,
        data=report.dataset.name,
        light=variables(LIGHT),
        dark=variables(DARK),
        css=resource(_HERE, "page.css"),
        above=LINEAR if content.linear else ABOVE,
        meaning=WORDS,
        remarks=remarks,
        content=as_json(content, labels),
        script=script,
    )


def _reading(report: Report) -> str:
    return str(report.settings.get("reading", "mean"))
