"""A program answers as `read` does, for every architecture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.models.tracing import UntraceableError, trace

from .conftest import KINDS, text_batch

USUAL = ("bert", "modernbert", "gpt2", "llama", "deberta-v3")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=() if k in USUAL else pytest.mark.whole) for k in KINDS]
)
def test_a_program_answers_as_the_model_reads(make_classifier, kind):
    made = make_classifier(kind)
    one = text_batch(9)
    with torch.no_grad():
        encoded = made.encode(one)
        own = made.attend(encoded).unsqueeze(1)  # (1, 1, H, T)
    program = trace(lambda alpha: made.read(encoded, alpha), own)
    generator = np.random.default_rng(0)
    for weights in (own.double().numpy(), generator.normal(size=own.shape)):
        with torch.no_grad():
            expected = made.read(encoded, torch.from_numpy(weights).to(own)).numpy()
        np.testing.assert_allclose(program.run(weights), expected, atol=1e-5, rtol=1e-5)


def test_what_no_step_stands_for_is_named():
    with pytest.raises(UntraceableError, match="cumsum"):
        trace(lambda alpha: alpha.cumsum(-1), torch.rand(1, 1, 1, 3))
    with pytest.raises(UntraceableError, match="does not depend on the weights"):
        trace(lambda alpha: torch.zeros(2), torch.rand(1, 1, 1, 3))
