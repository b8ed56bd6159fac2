from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style

from attnaudit.drawing.palette import contrast
from attnaudit.questions.gallery import LEVELS, Gallery, Heatmap, Support, Weights
from attnaudit.report.heatmaps_text import INKS, INKS_BELOW, print_heatmaps

WORDS = ["a", "dull", "film"]


def gallery(tokens: list[str], *rows: list[float]) -> Gallery:
    made = [Weights("attention" if i == 0 else f"row {i}", row) for i, row in enumerate(rows)]
    heatmap = Heatmap("text 7", tokens, 0, 1, made)
    return Gallery([heatmap], 12, "by rule", ["negative", "positive"])


def shown(gallery: Gallery, width: int = 60, **options: Any) -> list[str]:
    stream = io.StringIO()
    print_heatmaps(gallery, Console(file=stream, width=width, highlight=False, **options))
    return stream.getvalue().splitlines()


def test_without_colour_bars_stand_under_the_words() -> None:
    lines = shown(gallery(WORDS, [0.2, 0.75, 0.05], [0.0, 0.0, 1.0]))
    assert lines[:2] == ["Heatmaps", "1 of 12 texts, by rule."]
    assert lines[3] == "text 7: predicted positive, gold negative"
    assert lines[4:] == [
        "attention",
        "  a[0.20] dull[0.75] film ",
        "  ▁▁▁▁▁▁▁ ▆▆▆▆▆▆▆▆▆▆",
        "row 1",
        "  a dull film[1.00] ",
        "         ██████████",
    ]


@pytest.mark.parametrize("options", [{"color_system": None}, {"no_color": True}])
def test_no_colour_means_bars(options: dict[str, Any]) -> None:
    lines = shown(gallery(WORDS, [0.0, 1.0, 0.0]), force_terminal=True, **options)
    assert any("█" in line for line in lines)
    assert not any("48;" in line for line in lines)


def test_with_colour_ink_stands_behind_the_words() -> None:
    # rich keeps the codes of a style as the first console to use it wanted them.
    Style._add.cache_clear()  # type: ignore[attr-defined]
    lines = shown(gallery(WORDS, [0.0, 1.0, 0.0]), force_terminal=True, color_system="truecolor")
    [line] = [line for line in lines if "dull" in line]
    assert "\x1b[38;2;0;0;0;48;2;58;139;194mdull[1.00]\x1b[0m" in line
    assert "48;" not in line.replace("48;2;58;139;194", "")
    assert not any("█" in line for line in lines)


def test_ink_leaves_words_legible() -> None:
    for of_sign in (INKS, INKS_BELOW):
        inks = [ink for ink in of_sign if ink]
        assert len(inks) == LEVELS
        assert all(contrast(ink, "#000000") >= 4.5 for ink in inks)
        depth = [contrast(ink, "#ffffff") for ink in inks]
        assert depth == sorted(depth)


def test_words_against_the_answer_have_a_minus_sign() -> None:
    words, weights = ["a", "bad", "dull", "film"], [-0.3, -0.25, 0.25, -0.2]
    lines = shown(gallery(words, weights))
    assert "  a[-0.30] bad[-0.25] dull[0.25] film[-] " in lines
    assert lines[2] == "A minus sign marks words that speak against the answer."
    coloured = shown(gallery(words, weights), force_terminal=True, color_system="truecolor")
    [line] = [line for line in coloured if "dull" in line]
    assert "48;2;224;133;75ma[-0.30]" in line  # the deepest ink below 0
    assert "48;2;224;133;75mdull" not in line


def test_long_texts_are_broken_and_bars_stay_below_their_words() -> None:
    words = [f"word{i}" for i in range(20)]
    weights = [0.0] * 20
    weights[13] = 1.0
    lines = shown(gallery(words, weights), width=40)
    assert all(cell_len(line.rstrip()) <= 40 for line in lines)
    [at] = [i for i, line in enumerate(lines) if "word13" in line]
    assert lines[at + 1].index("█") == lines[at].index("word13")
    assert lines[at + 1].count("█") == len("word13[1.00]")


def test_wide_letters_have_wide_bars() -> None:
    lines = shown(gallery(["名前", "b"], [1.0, 0.0]))
    assert lines[-1].count("█") == cell_len("名前[1.00]")


def test_hostile_words_are_escaped() -> None:
    text = "\n".join(shown(gallery(["\x1b[31mred", "[bold]x[/]", "\x00"], [0.4, 0.3, 0.3])))
    assert "\x1b" not in text
    assert "\x00" not in text
    assert r"\x1b[31mred[0.40] [bold]x[/][0.30] \x00[0.30]" in text


def test_nothing_to_show_is_said() -> None:
    [line] = shown(Gallery([], 0, "by rule", []))
    assert line.startswith("Heatmaps: no text")


def test_a_heatmap_that_nothing_supports_carries_a_remark() -> None:
    made = gallery(WORDS, [0.2, 0.75, 0.05])
    [heatmap] = made.heatmaps
    failed = replace(heatmap, support=Support("unsupported", 1, 0.004, 0.2))
    text = " ".join(shown(replace(made, heatmaps=[failed], judged=9, unsupported=4), 400))
    assert "Of 9 judged texts, 4 are not supported" in text
    assert "Not supported: setting the weight of the highlighted word" in text
    assert text.index("Not supported") < text.index("dull")
    passed = replace(heatmap, support=Support("supported", 1, 0.4, 0.2))
    assert "upported" not in " ".join(shown(replace(made, heatmaps=[passed])))
