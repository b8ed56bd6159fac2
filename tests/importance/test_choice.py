from __future__ import annotations

import pytest

from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.choice import Choice, check_measures, choose, note_on

SLOW = ("gradient_own_logit", "attention_null")


def test_measures_are_put_in_order_and_checked():
    assert check_measures(["random", "gradient", "random"]) == ("gradient", "random")
    with pytest.raises(InputError, match="did you mean 'gradient_l2'"):
        check_measures(["gradient_l3"])


def test_by_default_a_model_gets_what_it_gives_readily(classic):
    model = classic("bilstm")
    masking = {"leave_one_out_mask", "integrated_gradients_mask"}
    assert choose(None, model) == Choice(tuple(n for n in IMPORTANCES if n not in masking), ())
    model.mask_token = 1
    whole = tuple(n for n in IMPORTANCES if n != "integrated_gradients_unknown")
    assert choose(None, model) == Choice(whole, ())
    model.encode_locally = None
    assert choose(None, model) == Choice(tuple(n for n in whole if n not in SLOW), SLOW)


def test_what_is_asked_for_is_done_or_refused(classic):
    model = classic("average")
    model.encode_locally = None
    asked = ("random", *SLOW)
    assert choose(asked, model) == Choice((*SLOW, "random"), ())
    with pytest.raises(
        InputError, match=r"leave_one_out_mask replaces words by a mask token.*out deletes"
    ):
        choose(("leave_one_out_mask",), model)
    with pytest.raises(InputError, match="unknown importance measure"):
        choose(("gradiant",), model)
    model.mask_token = 0  # an id like any other
    assert choose(("leave_one_out_mask",), model).measures == ("leave_one_out_mask",)


def test_a_report_names_what_was_left_out():
    assert note_on(()) == []
    (note,) = note_on(SLOW)
    assert "gradient_own_logit and attention_null" in note
    assert "--measure" in note
