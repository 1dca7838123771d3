"""What differs between environments: building them, running in each, comparing, and finding the release.

May import reporting and the runner, and what is beneath them.
"""
