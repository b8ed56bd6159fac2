"""Where the audit of each label goes."""

from __future__ import annotations

from pathlib import Path

from attnaudit.running.each_label import _places
from attnaudit.running.existing import default_folder


def test_each_label_has_a_folder_of_its_own():
    labels = ("toxic", "Toxic", "sad face", "sad_face", "..", "", "records", "a/b", "x" * 300)
    places = _places(labels)
    names = [places[label] for label in labels]
    assert names[:4] == ["toxic", "Toxic-2", "sad_face", "sad_face-2"]
    assert len({name.casefold() for name in names}) == len(labels)
    assert not {"..", "", "records"} & set(names)
    assert all("/" not in name and len(name) < 110 for name in names)


def test_one_label_goes_where_all_would_put_it():
    assert default_folder("some/bert", "sad face") == Path("bert-audit/sad_face")
    assert default_folder("some/bert") == Path("bert-audit")
