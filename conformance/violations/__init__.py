"""A violation, explained: its record, its likely cause and a standalone script that shows it.

May import known defects, transforms and events, and what is beneath them.
"""

WHOLE_BATCH = "mapping.whole-batch"
"""The law of functions that take a whole batch by themselves: what breaks it is a fault of the function."""
NATIVE_BROADCAST = "sharing.native-broadcast"
"""The same law of modules."""
IMPORTS_OWN = " is the user's own: this imports "
"""What a script says in its docstring where it needs more than JAX, Flax and NumPy."""
