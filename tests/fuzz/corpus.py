"""Valid files of every kind that the program reads: it has made them itself, on toys.

So they follow whatever the formats are today. Nothing here knows what stands in them.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.fuzz import program

TINY = """\
data:
  reviews: {train: 60, dev: 20, test: 30, seed: 0}
model: {encoder: bilstm, embedding: 8, hidden: 4, attention: additive}
training: {epochs: 1, learning_rate: 0.01, seed: 0, patience: 1}
vocabulary: {min_count: 1}
audit:
  text: true
  skip: [erase, probe]
  permute: {permutations: 3}
  seed-baseline: {seeds: 2}
  adversary: {seeds: 2, epochs: 1, refine: 1}
  deltas: {necessary: 0.02}
"""
SPEC = """\
file: rows.jsonl
fields: {text: text, label: label, id: id, group: group, rationale: rationale, split: split}
labels: [negative, positive]
tokeniser: {regex: '\\w+|[^\\w\\s]'}
lowercase: true
min_length: 1
max_length: 40
overlong: truncate
"""
POLICY = """\
gates:
  - id: shuffled
    metric: permute.tvd.median
    on: ci_high
    max: 0.9
    rationale: a reason
  - id: floor
    metric: correlate.gradient.tau.mean
    min: -0.9
  - id: needed
    finding: necessary
    in: [for, inconclusive, not_assessable, not_assessed, against]
waivers:
  - {gate: shuffled, reason: known, expires: 2099-12-31}
"""
DEFAULTS = """\
model: model.pt
data: test.jsonl
seed: 0
batch-tokens: 200
limit: 4
permute: {permutations: 2, quiet: true, strict: false}
report: {show: 0}
"""
WORDS = ("the", "film", "was", "good", "bad", "story", "and", "a", "dull", "great", "music", "long")
SMALL = ("--limit", "5")
QUESTIONS: dict[str, tuple[str, ...]] = {
    "permute": ("permute", "--permutations", "3", *SMALL),
    "correlate": (
        "correlate",
        "--measure",
        "gradient",
        "--measure",
        "leave_one_out",
        *SMALL,
        "--text",
    ),
    "erase": ("erase", "--measure", "gradient", *SMALL, "--text"),
    "instance-adversary": ("adversary", *SMALL, "--text"),
    "seed-baseline": ("seed-baseline", "--seeds", "2", "--limit", "6", "--text"),
    "model-adversary": (
        *("adversary", "--no-per-instance", "--lambda", "0.01", "--seeds", "2"),
        *("--epochs", "1", "--limit", "6", "--text"),
    ),
    "probe": ("probe", "--seeds", "2", "--limit", "6", "--text"),
}
RETRAINED = ("seed-baseline", "model-adversary", "probe")


def build(folder: Path) -> Path:
    """Make all files in a folder; raises RuntimeError where the program does not make one."""
    import torch._dynamo  # noqa: F401 - seconds, which are not to count as a command's

    (folder / "config.yaml").write_text(TINY)
    _run(folder, "train", "config.yaml", "-o", "base")
    for path in (folder / "base").iterdir():
        path.rename(folder / path.name)
    (folder / "recipe.yaml").write_text(TINY)
    _write_rows(folder)
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "attnaudit.yaml.txt").write_text(DEFAULTS)
    for name, line in QUESTIONS.items():
        audit = (line[0], "model.pt", "data.yaml", *line[1:])
        _run(folder, *audit, "--records", f"{name}.jsonl", "-o", f"{name}.json")
    _run(folder, "report", *(f"{name}.jsonl" for name in QUESTIONS), "-o", "report.json")
    (folder / "now.json").write_bytes((folder / "permute.json").read_bytes())
    _interrupt(folder)
    _write_vectors(folder)
    _write_transformer(folder)
    return folder


PARTIAL = (
    *("permute", "model.pt", "data.yaml", "--permutations", "2", "--limit", "12"),
    *("--batch-tokens", "60", "--records", "made.jsonl"),
)


def _run(folder: Path, *line: str) -> None:
    ended = program.run(folder, *line)
    if ended.code or ended.escaped:
        raise RuntimeError(f"{' '.join(line)}: exit code {ended.code}: {ended.err}{ended.escaped}")


def _interrupt(folder: Path) -> None:
    """The records of an audit, and what it leaves where Ctrl-C ends it half-way."""
    _run(folder, *PARTIAL)
    (folder / "made.jsonl").rename(folder / "whole.jsonl")
    _run(folder, "report", "whole.jsonl", "-o", "whole.json")
    with program.at_step(4, program.press_ctrl_c):
        ended = program.run(folder, *PARTIAL)
    if ended.code != program.INTERRUPTED:
        raise RuntimeError(f"Ctrl-C ends with {ended.code}: {ended.err}")
    (folder / "made.jsonl.partial").rename(folder / "half.partial")


def _write_rows(folder: Path) -> None:
    rows = [
        {
            "text": " ".join(WORDS[(n * k + k) % len(WORDS)] for k in range(1, 5 + n)),
            "label": ("negative", "positive")[n % 2],
            "id": f"row-{n}",
            "group": f"author {n % 3}",
            "rationale": [k % 2 for k in range(1, 5 + n)],
            "split": "test" if n % 2 else "train",
        }
        for n in range(6)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    scored = [{"attributions": "other", "tool": "x", "version": "1", "method": "m"}]
    for n, row in enumerate(rows):
        count = len(row["text"].split())
        of_words = {"scores": [k / 7 for k in range(count)], "text": row["text"]}
        of_spans = {"spans": [[0, 3, 0.5], [2, len(row["text"]), -1]]}
        scored.append({"id": row["id"], **(of_spans if n % 4 == 1 else of_words)})
    (folder / "scored.jsonl").write_text("".join(json.dumps(row) + "\n" for row in scored))
    for ending, mark in (("csv", ","), ("tsv", "\t")):
        lines = [mark.join(("text", "label", "id"))]
        lines += [mark.join((f'"{r["text"]}"', str(r["label"]), str(r["id"]))) for r in rows]
        (folder / f"rows.{ending}").write_text("\n".join(lines) + "\n")
    (folder / "spec.yaml").write_text(SPEC)
    audited = SPEC.partition("tokeniser")[0] + "min_length: 1\nmax_length: 40\noverlong: skip\n"
    (folder / "audited.yaml").write_text(audited)
    (folder / "pieces.yaml").write_text(
        "file: rows.jsonl\nlabels: [negative, positive]\ntokeniser: {file: tokenizer.json}\n"
    )


def _write_vectors(folder: Path) -> None:
    lines = [f"{len(WORDS)} 8"]
    lines += [
        " ".join((w, *(f"{(i + k) / 10:.1f}" for k in range(8)))) for i, w in enumerate(WORDS)
    ]
    text = "\n".join(lines) + "\n"
    (folder / "words.vec").write_text(text)
    (folder / "words.vec.gz").write_bytes(gzip.compress(text.encode()))


def _write_transformer(folder: Path) -> None:
    from tests.conftest import write_tiny

    write_tiny(folder / "bert", head=2)
    config = folder / "bert" / "config.json"
    names = {
        "id2label": {"0": "negative", "1": "positive"},
        "label2id": {"negative": 0, "positive": 1},
    }
    config.write_text(json.dumps(json.loads(config.read_text()) | names, indent=2))
    (folder / "tokenizer.json").write_bytes((folder / "bert" / "tokenizer.json").read_bytes())
