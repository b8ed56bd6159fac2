"""A small reader of what the LaTeX format may write: it refuses all that TeX would stumble over."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304"} | {
    "u": "\u0306",
    ".": "\u0307",
    '"': "\u0308",
    "r": "\u030a",
    "H": "\u030b",
    "v": "\u030c",
    "c": "\u0327",
}
WORDS = {
    "allowbreak": "",
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "ldots": "…",
    "ss": "ß",
    "o": "ø",
    "O": "Ø",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "l": "ł",
    "L": "Ł",
    "i": "ı",
}
MATHS = {"-": "-", r"\times": "×", r"\pm": "±"}
TOKEN = re.compile(
    r"\\char(?P<char>34|96)"
    r"|\\attnauditchar\{(?P<hex>[0-9A-F]{4,6})\}\{(?P<code>\d+)\}"
    r"|\\(?P<accent>[`'^~=.\"]|[urHvc](?=\{))\{(?P<letter>[A-Za-z])\}"
    r"|\\(?P<word>[A-Za-z]+)\{\}"
    r"|\\(?P<sign>[{}$&#%_])"
    r"|\$(?P<power>\d\.\d)\\times10\^\{-(?P<exponent>\d+)\}\$"
    r"|\$(?P<maths>[^$]+)\$"
    r"|(?P<group>\{\}|[{}])"
    r"|(?P<plain>[^\\{}$&#%_^~|<>\"`])"
    r"|(?P<space>~)"
)


def decoded(text: str) -> str:
    """What TeX would print; AssertionError for what it would take for something else."""
    import unicodedata

    shown, at, depth = "", 0, 0
    while at < len(text):
        match = TOKEN.match(text, at)
        assert match, f"TeX would not print {text[at : at + 30]!r} of {text!r}"
        at = match.end()
        found = {name: value for name, value in match.groupdict().items() if value is not None}
        if "char" in found:
            shown += chr(int(found["char"]))
        elif "code" in found:
            assert int(found["hex"], 16) == int(found["code"])
            shown += chr(int(found["code"]))
        elif "accent" in found:
            shown += unicodedata.normalize("NFC", found["letter"] + ACCENTS[found["accent"]])
        elif "word" in found:
            shown += WORDS[found["word"]]
        elif "power" in found:
            shown += f"{found['power']}e-{int(found['exponent']):02d}"
        elif "maths" in found:
            shown += MATHS[found["maths"]]
        elif "group" in found:
            depth += {"{": 1, "}": -1, "{}": 0}[found["group"]]
            assert depth >= 0, text
        elif "space" in found:
            shown += "\u00a0"
        else:
            shown += found.get("sign") or found["plain"]
    assert depth == 0, text
    for pair in ("--", "''", ",,", "?`", "!`"):
        assert pair not in re.sub(r"\{\}", "|", text), text  # would become one character
    return shown


@dataclass
class Shown:
    """A table as TeX would set it."""

    caption: str
    label: str
    form: str
    rows: list[list[str]] = field(default_factory=list)
    notes: str = ""


SHAPE = re.compile(
    r"(?:\\begin\{table\}\[htbp\]\n\\centering\n|\\begingroup\n)?"
    r"(?P<small1>\\footnotesize\\setlength\{\\tabcolsep\}\{4pt\}\n)?"
    r"(?P<long>\\begin\{longtable\}\{(?P<form1>[^\n]*)\}\n)?"
    r"\\caption\{(?P<caption>.*)\}\n\\label\{(?P<label>[a-z0-9:-]+)\}(?:\\\\)?\n"
    r"(?P<small2>\\footnotesize\\setlength\{\\tabcolsep\}\{4pt\}\n)?"
    r"(?:\\begin\{tabular\}\{(?P<form2>[^\n]*)\}\n)?"
    r"(?:\\toprule\n(?P<head>[^\n]* \\\\\n)\\midrule\n)?"
    r"(?:\\endfirsthead\n\\toprule\n(?P=head)\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n)?"
    r"(?P<body>(?:[^\n]* \\\\\n)*)"
    r"(?:\\bottomrule\n)?(?:\\end\{(?:tabular|longtable)\}\n?)?"
    r"(?:\\par(?:\\smallskip|\\noindent)\n?\{\\footnotesize\\raggedright (?P<notes>.*)\\par\}\n)?"
    r"(?:\\end\{table\}|\\endgroup)"
)


RAGGED = r">\{\\raggedright\\arraybackslash\}p\{0\.\d+\\linewidth\}"
STACKED = re.compile(r"\\shortstack\[[lr]\]\{(.*)\\\\\{\}(.*)\}")


def tables(source: str) -> list[Shown]:
    """Every table of a file of the format; AssertionError where the file has another shape."""
    assert source.isascii()
    assert source.endswith("\\ifdefined\\attnauditalone\\expandafter\\enddocument\\fi\n")
    opened, closed = (re.findall(rf"\\{end}\{{(\w+)\}}", source) for end in ("begin", "end"))
    assert sorted(opened) == sorted([*closed, "document"])
    found = []
    for block in source.split("\n\n")[2:-1]:
        if block.startswith("% "):
            assert all(line.startswith("% ") for line in block.split("\n"))
            continue
        match = SHAPE.fullmatch(block)
        assert match, block
        form = match["form1"] or match["form2"] or ""
        lines = [match["head"] or "", *match["body"].splitlines()]
        rows = [_cells(line) for line in lines if line]
        columns = re.sub(f"@{{}}|{RAGGED}", lambda m: "" if m[0][0] == "@" else "p", form)
        assert re.fullmatch("[lrp]*", columns), form
        assert all(len(row) == len(columns) for row in rows), block
        shown = Shown(
            decoded(match["caption"]), match["label"], columns, rows, decoded(match["notes"] or "")
        )
        found.append(shown)
    labels = [table.label for table in found]
    assert len(set(labels)) == len(labels)
    return found


def _cells(line: str) -> list[str]:
    line = line.rstrip("\n").removesuffix(" \\\\")
    assert not line.lstrip().startswith(("[", "*")), line  # would be an option of the row's end
    return [_cell(cell.strip()) for cell in re.split(r"(?<!\\)&", line)]


def _cell(cell: str) -> str:
    stacked = STACKED.fullmatch(cell)
    return decoded(cell) if stacked is None else " ".join(map(decoded, stacked.groups()))
