"""A result in float64 with a bound on what rounding may do to it, one rule per primitive."""
