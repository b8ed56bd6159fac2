"""Findings: what the evidence says about the four desiderata of attention as an explanation."""
