"""What the program leaves on the quickstart and on a tiny BERT, without what may differ by right.

    python -m tests.pinned FOLDER

writes the records of every audit, and reports of them in every format, into FOLDER. Run it before
and after a change that is to change no figure, on one machine, and compare: `diff -r BEFORE AFTER`.
Kernels differ between machines, so that no such folder is kept in the repository.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FORMATS = ("text", "json", "markdown", "junit", "github", "html")

# What may differ between two runs that say the same: when they ran, the bytes of the program, and
# digests of checkpoints, which hold when and by which bytes they were made; with that the checksums
# of the lines that hold such.
NORMALISED = {
    "times": (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)?", "TIME"),
    "digests": (r"\b[0-9a-f]{64}\b", "DIGEST"),
    "checksums": (r'"crc": ?"[0-9a-f]{8}"', '"crc":"CHECKSUM"'),
    "short digests": (r"(?<![.\w])[0-9a-f]{12}\b", "DIGEST"),
    "version": (r'("attnaudit": ?"|attnaudit )\d+\.\d+\.\d+\w*', r"\1VERSION"),
}

BERT = """\
data: {reviews: {train: 60, dev: 60, test: 60, seed: 0}}
model: {pretrained: PRETRAINED}
training: {epochs: 2, batch_size: 16, learning_rate: 0.001, seed: 0}
audit:
  text: true
  permute: {permutations: 20, per_head: true}
  seed-baseline: {seeds: 5}
  adversary: {lambda: [0.01], refine: 1, seeds: 3, epochs: 2, epsilon: [0.01, 0.05]}
  probe: {seeds: 5}
"""


def normalised(text: str) -> str:
    """The text with what may differ replaced by names."""
    for pattern, name in NORMALISED.values():
        text = re.sub(pattern, name, text)
    return text


def run(folder: Path, *args: str) -> str:
    """What the program prints; raises CalledProcessError where it ends with an error."""
    plain = {"NO_COLOR": "1", "COLUMNS": "100", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "attnaudit", *args],
        cwd=folder,
        env={**os.environ, **plain},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def write_bert(folder: Path) -> None:
    """A tiny random BERT and the configuration that fine-tunes it."""
    import torch

    from tests.conftest import write_tiny

    torch.set_num_threads(1)
    write_tiny(folder / "tiny")
    (folder / "bert.yaml").write_text(BERT.replace("PRETRAINED", "tiny"))


def pin(config: str, name: str, made: Path) -> None:
    """Audit a configuration; write its records and reports to `made`."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        if name == "bert":
            write_bert(work)
        run(work, "audit", config, "-o", "out", "-q")
        records = sorted((work / "out/records").glob("*.jsonl"))
        kept = {f"records/{path.name}": path.read_text() for path in records}
        kept["report.json"] = (work / "out/report.json").read_text()
        paths = [str(path.relative_to(work)) for path in records]
        for form in FORMATS:
            kept[f"all.{form}"] = run(work, "report", *paths, "--format", form)
            for path in paths:
                kept[f"{Path(path).stem}.{form}"] = run(work, "report", path, "--format", form)
        kept["all.detail"] = run(work, "report", *paths, "--show", "3", "-v")
    for place, text in kept.items():
        target = made / name / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(normalised(text), encoding="utf-8")


def main() -> None:
    """Pin both models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    pin("bert.yaml", "bert", folder)
    pin("quickstart", "quickstart", folder)


if __name__ == "__main__":
    main()
