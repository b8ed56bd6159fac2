"""A section for the model card of a Hugging Face model."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.model_card import model_card

    return model_card(given.report)


FORMAT = Format(
    "model-card",
    "A section for a Hugging Face model card, with evaluation results as metadata.",
    _render,
    kind="markup",
)
