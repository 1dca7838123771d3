"""The user's own functions and modules as subjects.

May import transforms and events, and what is beneath them.
"""

AGAIN = "gives another result when it is called again with the same arguments"
KEPT = "keeps an array of a call in which JAX traced it"
"""What a function does that changes by itself: here, since what shows results imports no JAX."""
