"""What checks JAX and Flax: transforms, one run and its event log, the command line and the reports."""

__version__ = "0.1.0"
"""The version of the suite; the package metadata is built from it."""
