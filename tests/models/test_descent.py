from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from attnaudit.models.descent import Adam, AdamW


@pytest.mark.parametrize(("ours", "torchs"), [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)])
def test_steps_and_state_are_those_of_torch(ours, torchs):
    found = []
    for kind in (ours, torchs):
        torch.manual_seed(0)
        weights = torch.nn.Linear(5, 3)
        optimiser = kind(weights.parameters(), lr=0.1, amsgrad=True, fused=True)
        for k in range(6):
            optimiser.zero_grad()
            weights(torch.randn(4, 5)).square().sum().backward()
            optimiser.step()
            if k == 2:  # as a training that is resumed
                state = optimiser.state_dict()
                optimiser = kind(weights.parameters(), lr=0.2, amsgrad=True, fused=True)
                optimiser.load_state_dict(state)
        found.append((*weights.state_dict().values(), optimiser.param_groups[0]["lr"]))
    assert all(map(torch.equal, found[0][:2], found[1][:2]))
    assert found[0][2] == found[1][2] == 0.1


def test_a_step_does_not_import_the_compiler():
    code = """
import sys, torch
from attnaudit.models.descent import Adam
weights = torch.nn.Parameter(torch.ones(3))
optimiser = Adam([weights], fused=True)
optimiser.zero_grad()
weights.sum().backward()
optimiser.step()
optimiser.load_state_dict(optimiser.state_dict())
assert weights[0] < 1
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
