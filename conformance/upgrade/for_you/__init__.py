"""What an upgrade means for the user's own code: what to do, what to know, what is as before.

May import the detectors and the causes of an upgrade, and what is beneath them.
"""

from conformance.upgrade.for_you.answer import for_you
from conformance.upgrade.for_you.early import Early, before_it_runs
from conformance.upgrade.for_you.lines import ForYou, Line

__all__ = ["Early", "ForYou", "Line", "before_it_runs", "for_you"]
