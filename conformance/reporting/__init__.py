"""Views of the event log. Each is a reader; none knows how a run goes."""
