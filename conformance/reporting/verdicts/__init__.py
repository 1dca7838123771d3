"""Views of verdicts on candidates: text, marks, CSV, HTML, JUnit and Gradescope's results.

They read records of the event log and nothing else, so that `check` and `report` write the same.
`conformance.judge` and `conformance.cli` import this package; it imports `conformance.events` and
what else views share.
"""

LEFT_BY_A_TOOL = "(left by a tool)"
"""How the name of a directory ends that is not judged and that nobody handed in."""
