"""Linen's lifted map, `flax.linen.vmap`."""
