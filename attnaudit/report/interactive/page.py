"""The page as HTML that needs no other file and no network. Its one script is named by its hash."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from attnaudit.drawing.palette import DARK, LIGHT, variables
from attnaudit.errors import InputError, printable
from attnaudit.report.interactive.content import Movables, as_json
from attnaudit.report.schema import Report

LINEAR = ", from one number for each word and class"
ABOVE = ", with all of the network that lies above this attention"
WORDS = "The weight of a word is the share of the attention that lies on it."
HEADS = (
    "The model has {heads} heads, and each has its own weights. What you see is one number a word"
    " of all heads ({reading}). When you move it, every head takes the weights that you see. So"
    " the button \u201cthe model's own\u201d alone brings back what each head does."
)
OUTSIDE = (
    "A part of the attention lies outside the words, on marks that the model puts around a text."
    " That part stays where it is."
)
REMARKS = (
    "Here you set weights that the model may never produce. That an answer stays, although you"
    " move all weight, is no evidence against attention by itself. Long texts and confident"
    " answers make it easy.",
    "Moving weight does not remove a word. The states of the other words still contain it.",
    "The thin line in each bar is the model's own answer.",
)


def interactive_page(report: Report, content: Movables, labels: list[str]) -> str:
    """The page of a report's texts; `labels` name the classes.

    Raises InputError where what fills the template is not installed, or there is no text.
    """
    try:
        import jinja2
    except ImportError as error:
        raise InputError(
            f"the page needs {error.name}, which is not installed",
            hint='pip install "attnaudit[html]"',
        ) from None
    if not content.texts:
        raise InputError(
            "there is no text to show",
            hint="give records that hold words: run the audit with --text",
        )
    script = _resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: value if hasattr(value, "__html__") else printable(value),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    heads = max(len(text.alpha) for text in content.texts)
    outside = any(text.outside for text in content.texts)
    remarks = [
        *([HEADS.format(heads=heads, reading=_reading(report))] if heads > 1 else []),
        *([OUTSIDE] if outside else []),
        *REMARKS,
    ]
    return environment.from_string(_resource("page.html")).render(
        script_hash=f"sha256-{digest}",
        version=report.manifest.attnaudit,
        model=report.model.name,
        data=report.dataset.name,
        light=variables(LIGHT),
        dark=variables(DARK),
        css=_resource("page.css"),
        above=LINEAR if heads == 1 and _is_small(content) else ABOVE,
        meaning=WORDS,
        remarks=remarks,
        content=as_json(content, labels),
        script=script,
    )


def _is_small(content: Movables) -> bool:
    """Whether the steps are those of a linear readout: products with numbers of words alone."""
    return all(
        kind in ("reshape", "expand", "transpose", "matmul", "add")
        for text in content.texts
        for kind, _, _ in text.steps
    )


def _reading(report: Report) -> str:
    return str(report.settings.get("reading", "mean"))


def _resource(name: str) -> str:
    found = resources.files("attnaudit.report.interactive").joinpath(name)
    return found.read_text(encoding="utf-8")
