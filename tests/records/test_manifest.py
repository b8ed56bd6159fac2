from __future__ import annotations

import getpass
import platform
import socket
import sys
from datetime import datetime, timedelta, timezone

import numpy

import attnaudit
from attnaudit.records.manifest import collect
from attnaudit.records.schema import Manifest


def test_what_it_holds(manifest: Manifest) -> None:
    assert manifest.attnaudit == attnaudit.__version__
    assert manifest.python == platform.python_version()
    assert manifest.packages["numpy"] == numpy.__version__
    assert "torch" in manifest.packages
    assert manifest.started == "2026-01-02T03:04:05Z"
    assert manifest.finished == "2026-01-02T03:05:05Z"


def test_times_are_told_in_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    started = datetime(2026, 1, 1, 4, 0, 0, 999_999, tzinfo=east)
    found = collect([], {}, [], started, None, "cpu", "float32", 1, {})
    assert found.started == "2025-12-31T22:30:00Z"
    assert found.finished is None


def test_it_names_neither_host_nor_user(manifest: Manifest) -> None:
    words = {str(v) for v in manifest.platform.model_dump().values()}
    assert not words & {socket.gethostname(), getpass.getuser()}
    assert set(manifest.model_dump()["platform"]) == {"system", "machine"}


def test_it_imports_no_package_to_tell_its_version() -> None:
    import subprocess

    code = (
        "import sys, datetime, attnaudit.records.manifest as m, attnaudit.report.text;"
        "import attnaudit.report.policy, attnaudit.report.build, attnaudit.records.reading;"
        "now = datetime.datetime.now(datetime.timezone.utc);"
        "assert 'torch' in m.collect([], {}, [], now, now, 'cpu', 'f', 1, {}).packages;"
        "sys.exit(bool({'torch', 'numpy', 'scipy', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
