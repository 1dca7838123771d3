"""errors.*: what means nothing, or cannot be mapped, raises an exception that says so."""

from properties.laws.errors import calls, within

__all__ = ["calls", "within"]
