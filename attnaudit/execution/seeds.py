"""Random choices for a text depend on its id and the seeds, not on its batch."""

from __future__ import annotations

import zlib

import numpy as np


def generator_for(instance_id: str, *seeds: int) -> np.random.Generator:
    """The random generator of one instance; other seeds give an independent one."""
    return np.random.default_rng([*seeds, zlib.crc32(instance_id.encode())])
