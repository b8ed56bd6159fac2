"""The colours of the page, for light and for dark surroundings.

The classes of the data take the colours of Okabe & Ito (2008, Color Universal Design), which stay
apart for the colour-blind; they fill shapes and never carry text. Whatever a colour says is also
said by a word or a shape.
"""

from __future__ import annotations

from collections.abc import Mapping

Palette = Mapping[str, str]

# Surfaces (page, card), text on them (ink to waived), lines, and the ink of heatmaps: w of weights
# from 0 on, m of weights below 0.
LIGHT: Palette = {
    "page": "#ffffff",
    "card": "#f5f7f9",
    "ink": "#1b1f24",
    "muted": "#555e68",
    "link": "#005a94",
    "good": "#00634a",
    "bad": "#a33b00",
    "open": "#6d5200",
    "none": "#555e68",
    "waived": "#74416a",
    "line": "#c9d0d8",
    "c0": "#0072b2",
    "c1": "#d55e00",
    "c2": "#009e73",
    "c3": "#c2699a",
    "w1": "#e3eff9",
    "w2": "#c3def2",
    "w3": "#9fcbe9",
    "w4": "#79b5dd",
    "w5": "#559fd0",
    "m1": "#fbe9dc",
    "m2": "#f7d0b3",
    "m3": "#f1b488",
    "m4": "#e99b64",
    "m5": "#e0854b",
}
DARK: Palette = {
    "page": "#14181d",
    "card": "#1e242b",
    "ink": "#e8ecf0",
    "muted": "#a7b1bc",
    "link": "#7cc4f5",
    "good": "#52d1a8",
    "bad": "#ff9a5c",
    "open": "#efc34d",
    "none": "#a7b1bc",
    "waived": "#dba3d0",
    "line": "#46505b",
    "c0": "#3b9bd6",
    "c1": "#ec7a24",
    "c2": "#1fb58a",
    "c3": "#d98bb6",
    "w1": "#1c3347",
    "w2": "#1f4361",
    "w3": "#22527a",
    "w4": "#256294",
    "w5": "#286a9f",
    "m1": "#3d2618",
    "m2": "#54301a",
    "m3": "#6b3a1b",
    "m4": "#82451d",
    "m5": "#974f1f",
}
TEXT = ("ink", "muted", "link", "good", "bad", "open", "none", "waived")
SURFACES = ("page", "card")
CLASSES = ("c0", "c1", "c2", "c3")
INKS = ("w1", "w2", "w3", "w4", "w5")
INKS_BELOW = ("m1", "m2", "m3", "m4", "m5")


def variables(palette: Palette) -> str:
    """The palette as the custom properties of a style sheet."""
    return " ".join(f"--{name}: {colour};" for name, colour in palette.items())


def contrast(a: str, b: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2, section 1.4.3 asks text for 4.5)."""
    dark, light = sorted((_luminance(a), _luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, from 0 to 1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
