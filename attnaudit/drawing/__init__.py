"""Figures for pages: what can be drawn, whatever it is of. Needs matplotlib, but for the colours."""
