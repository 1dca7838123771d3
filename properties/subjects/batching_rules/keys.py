"""Arrays of typed PRNG keys, through primitives that move: each key is more than one number there."""

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import below, of, rule


def _keys(name: str, source: str, *arrays: Array) -> FunctionSubject:
    """`source` gives arrays of keys, made of `keys` (m, 4) and of the further arguments."""
    text = f"""
keys = random.wrap_key_data(a, impl="threefry2x32")
return jax.tree_util.tree_map(random.key_data, ({source}))"""
    return rule(f"keys.{name}", text, of("bits", "m", 4, 2, dtype="uint32"), *arrays, exact=True)


KEYS = (
    _keys(
        "shapes",
        "lax.reshape(keys, (4, a.shape[0])), lax.transpose(keys, (1, 0)), keys[:, None],"
        " jnp.broadcast_to(keys, (3, *keys.shape)), lax.squeeze(keys[:1], (0,))",
    ),
    _keys(
        "parts",
        "keys[:, 1:3], keys[::-1], lax.rev(keys, (1,)), jnp.concatenate([keys, keys[:1]]),"
        " jnp.stack([keys[0], keys[-1]], 1), tuple(jnp.split(keys, 2, axis=1))",
    ),
    _keys(
        "places",
        "keys[:, b], keys[0, b], lax.dynamic_slice(keys, (0, b), (1, 2)),"
        " lax.dynamic_update_slice(keys, keys[:1, :2], (0, b)), keys.at[0, b].set(keys[-1, 0])",
        below(4),
    ),
    _keys(
        "choices",
        "jnp.where(b, keys, keys[:, ::-1]), jnp.where(keys == keys[0, 0], keys[0, 1], keys),"
        " lax.cond(b, lambda k: k[0], lambda k: k[-1], keys), lax.select(c, keys, keys[:, ::-1])",
        of("normal", dtype="bool"),
        of("normal", "m", 4, dtype="bool"),
    ),
    _keys(
        "loops",
        "lax.scan(lambda k, each: (each[0], k), keys[0, 0], keys),"
        " lax.while_loop(lambda s: s[0] < b, lambda s: (s[0] + 1, s[1][::-1]), (0, keys[0]))[1],"
        " lax.map(lambda k: k[1], keys)",
        below(4),
    ),
    _keys(
        "used",
        "jax.vmap(jax.vmap(lambda k: random.split(k, 2)))(keys), jax.jit(lambda k: k[0])(keys),"
        " jax.checkpoint(lambda k: k[:1])(keys)",
    ),
)
