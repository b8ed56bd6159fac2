"""Figures as files: real colours, embedded fonts, nothing of when and where they were made."""

from __future__ import annotations

import re
import zlib
from functools import cache
from xml.etree import ElementTree

import pytest
from PIL import Image

from attnaudit.drawing.alone import Kept, alone
from attnaudit.drawing.palette import LIGHT
from attnaudit.drawing.svg import COLOURS
from tests.drawing.test_figures import DRAW

STANDING = [COLOURS[name] for name in COLOURS]  # outside of `alone`: what a page fills in


@cache
def kept(name: str) -> Kept:
    with alone(LIGHT) as found:
        DRAW[name]()
    return found


def streams(pdf: bytes) -> str:
    """The text of a PDF with its streams unpacked."""
    parts = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    unpacked = []
    for part in parts:
        try:
            unpacked.append(zlib.decompress(part))
        except zlib.error:
            unpacked.append(part)
    return b"\n".join([pdf, *unpacked]).decode("latin-1")


@pytest.mark.parametrize("name", ["curve", "scores"])
def test_each_kind_of_file_is_made_and_is_the_same_again(name):
    first, again = kept(name), kept.__wrapped__(name)
    assert first.files == again.files
    ((_, files),) = first.files.items()
    assert set(files) == {"pdf", "svg", "png"}


def test_svg_has_its_colours_and_needs_no_font(tmp_path):
    svg = kept("curve").files["curve"]["svg"].decode()
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.get("width", "").endswith("pt")
    assert "var(--" not in svg
    assert not re.search("|".join(STANDING), svg)
    assert {LIGHT["c0"], LIGHT["c1"], LIGHT["ink"]} <= set(re.findall(r"#[0-9a-f]{6}", svg))
    assert "<text" not in svg  # letters are shapes
    assert "font-family" not in svg
    assert not re.search(r"<dc:date|<dc:creator|20\d\d-\d\d-\d\d", svg)


def test_pdf_embeds_its_fonts_and_says_no_date():
    pdf = streams(kept("curve").files["curve"]["pdf"])
    assert pdf.startswith("%PDF-")
    assert "/FontFile2" in pdf
    assert "/Type3" not in pdf
    for word in ("CreationDate", "ModDate", "/Producer", "/Creator"):
        assert word not in pdf
    red, green, blue = (int(LIGHT["c0"][i : i + 2], 16) / 255 for i in (1, 3, 5))
    filled = re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) rg", pdf)
    numbers = [tuple(map(float, found)) for found in filled]
    assert (red, green, blue) in [pytest.approx(found, abs=1e-4) for found in numbers]


def test_png_is_fit_for_print(tmp_path):
    path = tmp_path / "curve.png"
    path.write_bytes(kept("curve").files["curve"]["png"])
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert "Software" not in image.info
        colours = {found for _, found in image.convert("RGB").getcolors(1 << 20)}
    named = {tuple(int(LIGHT[n][i : i + 2], 16) for i in (1, 3, 5)) for n in ("page", "c0", "c1")}
    assert named <= colours


def test_the_page_keeps_its_own_colours():
    plain = DRAW["scores"]()
    with alone(LIGHT):
        DRAW["scores"]()
    assert DRAW["scores"]() == plain
    assert "var(--c0)" in plain.svg


def test_two_of_one_name_are_told_apart():
    with alone(LIGHT) as found:
        DRAW["scores"]()
        DRAW["scores"]()
    assert list(found.files) == ["s", "s-2"]
    assert found.files["s"]["png"] == found.files["s-2"]["png"]
