"""The HTML page of a comparison: the sections that `conformance.reporting.html` has not."""
