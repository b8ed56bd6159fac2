"""The sample notebook, run cell by cell as a notebook does, on a small model."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "sample_configs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def run(source: str, names: dict[str, object]) -> object:
    """Run a cell; gives what its last line shows."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_it_is_kept_without_outputs(cells):
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in cells}) == len(cells)


def test_it_runs(cells, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    shown: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            if "parameters" in cell["metadata"].get("tags", ()):
                source += f"\nMODEL, DATA, LIMIT = Path({str(tiny / 'model.pt')!r}), "
                source += f"Path({str(tiny / 'data.yaml')!r}), 12"
            shown[cell["id"]] = run(source, names)
    assert "The evidence" in shown["audit"]._repr_html_()
    assert "<svg" in shown["figure"]._repr_html_()
    frame = shown["frame"]
    assert len(frame) == 5
    assert frame["correlate.gradient.tau"].between(-1, 1).all()
    assert frame["permute.tvd"].between(0, 1).all()
    assert frame["adversary.instance.jsd"].between(0, 0.6932).all()
    assert "tau with gradient" in capsys.readouterr().out
    assert (tmp_path / "audit.html").stat().st_size > 10_000
    assert "model-index" in (tmp_path / "model-card.md").read_text()
