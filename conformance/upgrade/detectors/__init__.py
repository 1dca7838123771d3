"""Finding differences: one file for each family of them."""
