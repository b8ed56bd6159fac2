from __future__ import annotations

from types import SimpleNamespace

import pytest
from huggingface_hub import errors

from attnaudit.errors import ModelError
from attnaudit.models.transformer import hub
from attnaudit.models.transformer.reference import Reference

COMMIT = "c0ffee" * 6 + "c0ff"


@pytest.fixture
def the_hub(monkeypatch, tmp_path):
    """A hub with one model; what was asked for is noted."""
    asked = {}
    snapshot = tmp_path / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)

    def set_up(files=("config.json", "model.safetensors"), error=None, cached=True, broken=None):
        class Api:
            def model_info(self, name, **options):
                asked["info"] = (name, options)
                if error is not None:
                    raise error
                return SimpleNamespace(
                    sha=COMMIT, siblings=[SimpleNamespace(rfilename=file) for file in files]
                )

        def download(name, **options):
            asked["download"] = (name, options)
            if options.get("local_files_only") and not cached:
                raise errors.LocalEntryNotFoundError("nothing\nhere")
            if broken is not None:
                raise broken
            return str(snapshot)

        monkeypatch.setattr(hub, "HfApi", Api)
        monkeypatch.setattr(hub, "snapshot_download", download)
        return asked

    return set_up


def refusal(kind):
    error = kind.__new__(kind)  # needs the answer of a server otherwise
    error.args = ("no\nsuch",)
    return error


def complaint(revision=None):
    with pytest.raises(ModelError) as caught:
        hub.fetch("owner/name", revision)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_commit_is_pinned_before_anything_is_downloaded(the_hub):
    asked = the_hub()
    folder = hub.fetch("owner/name", "main")
    assert folder.name == COMMIT
    assert asked["info"] == ("owner/name", {"revision": "main", "timeout": hub.TIMEOUT})
    name, options = asked["download"]
    assert (name, options["revision"]) == ("owner/name", COMMIT)
    wanted = options["allow_patterns"]
    assert not {"*.py", "*.bin", "*", "*.pt"} & set(wanted)
    assert options["ignore_patterns"] == ["*/*"]


def test_a_reference_knows_its_commit(the_hub):
    the_hub()
    found = Reference("owner/name", "main").fetched()
    assert (found.name, found.revision, found.folder.name) == ("owner/name", COMMIT, COMMIT)
    assert not found.local
    assert found.fetched() is found


def test_pickles_are_not_downloaded(the_hub):
    asked = the_hub(files=("config.json", "pytorch_model.bin"))
    assert complaint().startswith("owner/name: has its weights only as pickle files; convert them")
    the_hub(files=("config.json", "onnx/model.safetensors"))
    assert complaint().startswith("owner/name: has no model.safetensors")
    assert "download" not in asked


def test_without_a_network_what_is_in_the_cache_must_do(the_hub):
    asked = the_hub(error=OSError("no route\nto host"))
    assert hub.fetch("owner/name", "v2").name == COMMIT
    assert asked["download"] == ("owner/name", {"revision": "v2", "local_files_only": True})
    the_hub(error=OSError("no route\nto host"), cached=False)
    assert complaint() == (
        "owner/name: is neither a folder here nor in the cache, and the hub cannot be reached "
        "(no route); check the path, or download the model on a machine with a network"
    )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            errors.RepositoryNotFoundError,
            "is neither a folder here nor a model on the hub; check the id",
        ),
        (errors.RevisionNotFoundError, "has no revision 'v9'; check the id and --revision"),
        (errors.GatedRepoError, "is a model on the hub whose licence you must accept"),
        (errors.HfHubHTTPError, "cannot be downloaded from the hub (no); check the id"),
    ],
)
def test_what_the_hub_refuses(the_hub, kind, said):
    the_hub(error=refusal(kind))
    assert complaint("v9").startswith(f"owner/name: {said}")


def test_a_download_that_breaks_off(the_hub):
    the_hub(broken=OSError("disk full"))
    assert complaint() == "owner/name: cannot be downloaded (disk full)"
