"""Figures for pages, whatever they are of. All but the colours needs matplotlib."""
