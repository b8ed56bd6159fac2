from __future__ import annotations

import warnings

import pytest
import transformers
from transformers import logging

from attnaudit.models.transformer.quiet import quiet, quiet_loading


@pytest.fixture(autouse=True)
def _usual():
    before = logging.get_verbosity()
    logging.set_verbosity_warning()
    logging.enable_progress_bar()
    yield
    logging.set_verbosity(before)


@pytest.mark.parametrize("context", [quiet, quiet_loading])
def test_transformers_says_nothing_within_and_speaks_again_after(context, caplog):
    log = transformers.utils.logging.get_logger("transformers.here")
    with context():
        log.warning("hidden")
        assert not logging.is_progress_bar_enabled()
    log.warning("shown")
    assert [record.message for record in caplog.records] == ["shown"]
    assert logging.is_progress_bar_enabled()


def test_what_was_quiet_before_stays_so():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with pytest.raises(KeyError), quiet():
        raise KeyError
    assert logging.get_verbosity() == logging.ERROR
    assert not logging.is_progress_bar_enabled()


def test_python_warnings_are_ignored_while_loading_alone():
    with quiet_loading():
        warnings.warn("an error in tests", DeprecationWarning, stacklevel=1)
    with pytest.warns(DeprecationWarning, match="tests"), quiet():
        warnings.warn("an error in tests", DeprecationWarning, stacklevel=1)


def test_a_model_that_was_told_to_be_quiet_is_told_once(make_classifier, batch_of, monkeypatch):
    model, batch = make_classifier("bert"), batch_of(5, 3)
    told, tell = [], logging.set_verbosity_error
    monkeypatch.setattr(
        transformers.logging, "set_verbosity_error", lambda: (told.append(1), tell())
    )
    with model.quietly():
        model(batch)
        model.encode(batch)
    assert len(told) == 1
    model(batch)
    assert len(told) == 2
