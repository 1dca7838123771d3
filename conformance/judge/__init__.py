"""Who judges candidates: the judge, its server and workers, verdicts and their diagnosis."""
