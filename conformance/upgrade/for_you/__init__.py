"""What an upgrade means for the user's own code: what to do, what to know, what is as before.

May import the detectors and the causes of an upgrade, and what is beneath them.
"""

from conformance.upgrade.for_you.answer import ForYou, Line, for_you

__all__ = ["ForYou", "Line", "for_you"]
