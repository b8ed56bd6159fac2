"""Findings: what the evidence says about the three desiderata of attention as an explanation."""
