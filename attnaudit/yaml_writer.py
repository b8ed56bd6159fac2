"""Plain values written as YAML that `yaml_reader` reads back as they were."""

from __future__ import annotations

import re
from typing import Any

import yaml

from attnaudit.yaml_reader import FRACTION


class _Dumper(yaml.SafeDumper):
    """PyYAML's, which quotes what YAML 1.1 reads as a number; `1e5` is one in YAML 1.2 alone."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(rf"(?:{FRACTION.pattern})\Z"), list("-+.0123456789")
)


def written(value: Any, **options: Any) -> str:
    """YAML of mappings, lists, text, numbers, booleans and None; `options` are PyYAML's.

    Raises yaml.YAMLError for anything else.
    """
    text: str = yaml.dump(value, Dumper=_Dumper, **options)
    return text
