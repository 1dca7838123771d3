"""The command line: click and nothing else, one file per command.

Imports every other package; nothing imports it.
"""

from conformance.cli.app import main

__all__ = ["main"]
