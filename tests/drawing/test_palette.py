from __future__ import annotations

import pytest

from attnaudit.drawing.palette import (
    CLASSES,
    DARK,
    INKS,
    INKS_BELOW,
    LIGHT,
    SURFACES,
    TEXT,
    Palette,
    contrast,
    variables,
)

SCHEMES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def test_contrast_of_the_extremes() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.005)


@SCHEMES
def test_text_is_legible_on_every_surface(palette: Palette) -> None:
    pairs = [(text, surface) for text in TEXT for surface in SURFACES]
    pairs += [("ink", ink) for ink in (*INKS, *INKS_BELOW)]
    assert {
        p: contrast(palette[p[0]], palette[p[1]])
        for p in pairs
        if contrast(palette[p[0]], palette[p[1]]) < 4.5
    } == {}


@SCHEMES
def test_shapes_stand_out_and_inks_deepen(palette: Palette) -> None:
    assert all(contrast(palette[c], palette["page"]) >= 3 for c in CLASSES)
    for inks in (INKS, INKS_BELOW):
        depth = [contrast(palette[ink], palette["page"]) for ink in inks]
        assert depth == sorted(depth)


def test_both_schemes_name_the_same_colours() -> None:
    assert list(LIGHT) == list(DARK)
    assert variables({"ink": "#000000", "page": "#ffffff"}) == "--ink: #000000; --page: #ffffff;"
