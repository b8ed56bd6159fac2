"""What may differ between two runs that say the same, and what may not."""

from __future__ import annotations

import json

from tests.pinned.__main__ import NORMALISED, normalised

HEADER = {
    "audit": "permute",
    "started": "2026-11-27T11:09:13Z",
    "sha256": "ab" * 32,
    "attnaudit": "0.1.0",
    "tvd": 0.123456789,
    "id": "test-12",
}


def test_times_digests_and_the_version_may_differ():
    made = json.loads(normalised(json.dumps(HEADER)))
    assert made == HEADER | {"started": "TIME", "sha256": "DIGEST", "attnaudit": "VERSION"}
    assert normalised('"id":"a","crc":"0a1b2c3d"}') == '"id":"a","crc":"CHECKSUM"}'
    assert normalised("model sha256 ab12cd34ef56") == "model sha256 DIGEST"
    assert NORMALISED.keys() == {"times", "digests", "checksums", "short digests", "version"}


def test_figures_and_names_may_not():
    line = '{"id":"a 12","tvd":{"median":0.25,"max":0.123456789012},"probs":[0.75,0.25]}'
    assert normalised(line) == line
