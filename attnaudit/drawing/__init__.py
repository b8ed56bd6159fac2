"""Figures for pages, of any content. All but the colours needs matplotlib."""
