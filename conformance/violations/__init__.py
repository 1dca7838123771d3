"""A violation, explained: its record, its likely cause and a standalone script that shows it.

May import known defects, transforms and events, and what is beneath them.
"""

WHOLE_BATCH = frozenset({"mapping.whole-batch", "gradients.whole-batch"})
"""The laws of functions that take a whole batch by themselves: the function is at fault where they break."""
NATIVE_BROADCAST = "sharing.native-broadcast"
"""The same law of modules."""
IMPORTS_OWN = " is the user's own: this imports "
"""What a script says in its docstring where it needs more than JAX, Flax and NumPy."""
