from __future__ import annotations

import warnings

import pytest

from attnaudit.errors import ModelError
from attnaudit.models.transformer.reference import Reference, brief, explained


def test_a_folder_needs_no_hub(tmp_path):
    found = Reference(str(tmp_path))
    assert found.local
    assert found.fetched() is found
    assert found.folder == tmp_path
    with pytest.raises(ModelError, match=r"has no model\.safetensors"):
        found.require_safetensors()
    (tmp_path / "model.safetensors.index.json").touch()
    found.require_safetensors()


def test_loaders_neither_ask_the_network_nor_run_code():
    assert Reference("x").options == {"local_files_only": True, "trust_remote_code": False}


def test_errors_become_one_line():
    with pytest.raises(ModelError) as caught, explained(Reference("x"), "it cannot be read"):
        raise ValueError("\n\n  first. \nsecond")
    assert str(caught.value) == "x: it cannot be read (first)"
    with pytest.raises(ModelError, match="own"), explained(Reference("x"), "it cannot be read"):
        raise ModelError("own")
    with explained(Reference("x"), "it cannot be read"):
        warnings.warn("this is an error in tests", FutureWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("a.\nb"), "a"),
        (OSError("a"), "a"),
        (KeyError("a"), "KeyError: 'a'"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_what_an_error_says(error, said):
    assert brief(error) == said
