"""Explanations: what every metric, setting, finding and term of the field means, in plain words."""
