"""Who is held to the laws: transforms, the runner's command line, event log and views."""
