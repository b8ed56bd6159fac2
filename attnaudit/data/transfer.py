"""Tensors on their way from the host to a device."""

from __future__ import annotations

import torch
from torch import Tensor

PINNED = {"cuda", "xpu"}  # kinds of devices that copy from pinned memory


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on `device`: itself on the CPU, elsewhere a copy.

    A copy from ordinary memory makes the host wait until a GPU has done all that it was told
    before, and then the GPU waits for the host. A copy from pinned memory does neither. torch keeps
    pinned memory, and uses it again only after the copy.
    """
    if device.type in PINNED and tensor.device.type == "cpu" and tensor.numel():
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
