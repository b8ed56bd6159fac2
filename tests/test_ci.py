"""What CI runs is what was looked at: actions by commit, versions that exist for each Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
WORKFLOWS = [
    *(ROOT / ".github/workflows").glob("*.yml"),
    ROOT / "sample_configs/github_workflow.yml",
]
USES = re.compile(r"uses: ([\w./-]+)@(\S+)(?:  # (v\d[\d.]*))?$", re.MULTILINE)
# The first versions that were never built for Python 3.10.
TOO_NEW_FOR_3_10 = {
    **{"numpy": "2.3", "scipy": "1.16", "matplotlib": "3.11", "regex": "2026.10"},
    **{"pandas": "3.0", "python-dateutil": "3.0"},
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_named_by_commit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = USES.findall(text)
    assert len(found) == text.count("uses:") >= 2
    for action, commit, tag in found:
        assert re.fullmatch(r"[0-9a-f]{40}", commit), action
        assert tag, f"{action} does not say which version the commit is"


def test_the_same_action_is_the_same_commit_everywhere() -> None:
    found = {use for path in WORKFLOWS for use in USES.findall(path.read_text(encoding="utf-8"))}
    assert len({action for action, _, _ in found}) == len(found)


def pins(python: str) -> dict[str, str]:
    """The one version of each package for a Python; raises where there are several or none."""
    environment = {**default_environment(), "python_version": python}
    found: dict[str, str] = {}
    for line in (ROOT / ".ci/constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            if pin.marker is None or pin.marker.evaluate(environment):
                assert pin.name not in found, f"{pin.name} is pinned twice for {python}"
                [spec] = pin.specifier
                assert spec.operator == "=="
                found[pin.name] = spec.version
    return found


def test_every_python_of_ci_has_one_version_of_each_package() -> None:
    matrix = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    pythons = matrix["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert pythons[0] == "3.10"
    assert len({frozenset(pins(python)) for python in pythons}) == 1
    numbers = {
        name: tuple(map(int, v.split(".")[:2]))
        for name, v in pins("3.10").items()
        if name in TOO_NEW_FOR_3_10
    }
    for name, first in TOO_NEW_FOR_3_10.items():
        assert numbers[name] < tuple(map(int, first.split("."))), f"{name} has no wheel for 3.10"


def test_no_workflow_installs_what_no_registry_has() -> None:
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"pip install (?:-\S+ )*[\"']?attnaudit\b(?! @)", text), path
