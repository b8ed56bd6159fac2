"""attnaudit: evidence on whether attention weights may be shown as an explanation."""

__version__ = "0.1.0"
