"""Whether the suite notices faults: broken transforms, and broken batching rules.

May import reporting and the runner, and what is beneath them.
"""
