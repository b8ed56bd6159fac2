from __future__ import annotations

import fcntl
import os
import shutil

import pytest

from tests.fuzz import corpus


@pytest.fixture(scope="session")
def fuzz_files(tmp_path_factory):
    """The valid files, made once for all processes that test."""
    own = tmp_path_factory.getbasetemp()  # of this process, which may be one of several
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "fuzz-files"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / "made"
        if not (folder / "complete").exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            corpus.build(made)
            (folder / "complete").touch()
    return made
