from __future__ import annotations

import errno
import gc
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.errors import OutputError
from attnaudit.measures import spool
from attnaudit.measures.spool import Spool


@pytest.fixture(params=[0, 7, 2**18])
def held(request, monkeypatch):
    """How many bytes wait in memory: none, a few, or all of a test."""
    monkeypatch.setattr(spool, "HELD", request.param)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=9), max_size=8), st.integers(0, 12), st.data())
def test_what_is_appended_is_read_at_any_place(pieces, most, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "HELD", most)
        made, whole = Spool(), b""
        for piece in pieces:
            assert made.append(piece) == len(whole)
            whole += piece
            start = data.draw(st.integers(0, len(whole)))
            size = data.draw(st.integers(0, len(whole) - start))
            assert made.read(start, size) == whole[start : start + size]
        assert len(made) == len(whole)


@pytest.mark.usefixtures("held")
def test_numbers_are_read_as_an_array_that_cannot_be_written_to():
    made = Spool()
    made.append(b"12345678")
    for start in range(0, 40, 8):
        made.append(np.arange(start, start + 8, dtype=np.int64).tobytes())
    found = made.array(np.int64, 8, 40)
    assert (type(found), found.tolist()) == (np.ndarray, list(range(40)))
    assert made.array(np.int64, 16, 3).tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1
    assert made.array(np.float32, 8, 0).shape == (0,)


def open_files() -> int:
    """How many files this process has open, as far as the system tells."""
    told = Path("/proc/self/fd")
    return len(list(told.iterdir())) if told.is_dir() else 0


@pytest.mark.usefixtures("held")
def test_an_array_outlives_its_spool_and_grows_no_file_descriptors():
    before = open_files()
    made = Spool()
    made.append(np.arange(100.0).tobytes())
    found = made.array(np.float64, 0, 100)
    del made
    gc.collect()
    assert found.sum() == 4950
    del found
    assert open_files() == before


def test_a_full_disk_is_one_clean_line(monkeypatch):
    monkeypatch.setattr(spool, "HELD", 0)

    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(OutputError, match="cannot be written") as caught:
        Spool().append(b"x")
    assert "TMPDIR" in caught.value.hint
