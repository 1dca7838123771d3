"""How functions write what `jax.numpy` does of arrays: methods, operators and indices, as NumPy has them."""

OF_METHODS = """
y[y.argpartition(2)][2], y[y.argsort()], m.argmax(1), m.argmin(0), y.astype(n.dtype), t.all(), m.any(0)
i[:2].choose([y[:2], -y[:2], y[2:]], mode="clip"), y.clip(-1, 1), z.conj(), z.conjugate(), y.copy()
y.cumprod(), n.cumsum(), m.diagonal(1), y.dot(m), m.flatten(), n.max(), n.mean(), m.min(1), y.prod()
m.ravel(order="F"), n.repeat(2), m.reshape(8, 2), q.reshape((6, -1)), q.reshape(6, 8, order="F"), y.round()
jnp.arange(4.0).searchsorted(y, side="right"), q[:1].squeeze(0), n.sum(), t.sum(), q.swapaxes(0, 2)
y.take(n - 1, mode="clip"), m.trace(1), q.transpose(2, 0, 1), q.transpose((1, 2, 0)), q.T, z.real, z.imag
y.view(jnp.int32), y.view(jnp.int16), z.view(jnp.float32), u.view(jnp.int8), u.view(jnp.int16)
(abs(y), -y, ~n, y // 2, y % 2, divmod(n, 3), n << 1, n >> 1, n & 3, n | 4, n ^ 5, y @ m, y == a, y >= a)
(1 - y, 3 // (n + 1), 7 % (n + 1), divmod(7, n + 1), 2 << n, 64 >> n, 3 & n, 4 | n, 5 ^ n, 3 * y, y > 0)
jnp.unravel_index(n.astype(jnp.uint32), (2, 4))[1].astype(jnp.int32), jnp.partition(u, 1)[1], jnp.argmin(u)
jnp.packbits(n - 2), jnp.packbits(n.astype(jnp.int8) - 2, bitorder="little"), jnp.diff(t, 2), jnp.diff(u)
jnp.sort(u), jnp.negative(u), jnp.sign(-n), jnp.square(u), jnp.remainder(-n, 3), jnp.fmod(-n, 3), jnp.sort(z)
jnp.isreal(z), jnp.iscomplex(z), jnp.outer(n, y), jnp.matmul(m, n), jnp.vdot(z, z), jnp.inner(n, n)
jnp.arange(1, 5) + n, jnp.arange(5.0, 1, -2) + y[0], jnp.arange(0.5, 3) + y[0], jnp.eye(3, 4, 1) @ y
jnp.diag(y, -1), jnp.diag(m, 1), jnp.tri(3, k=1) + n[0], jnp.rot90(q, -1, (0, 2)), jnp.flip(q, (0, 2))
jnp.rollaxis(q, 2), jnp.moveaxis(q, (0, 1), (2, 0)), jnp.roll(m, 3), jnp.trace(q, 0, 2, 1), jnp.tril(q, 1)
jnp.diagonal(q, 1, 2, 0), jnp.triu(q, -1), jnp.pad(y, (1, 2), "edge"), jnp.pad(m, ((1, 0), (0, 2)), "reflect")
jnp.pad(y, 6, "reflect"), jnp.pad(y, 6, "wrap"), jnp.pad(y, 6, "symmetric"), jnp.pad(y, 1, "maximum")
jnp.quantile(y, 0.5, method="midpoint"), jnp.max(q, -1, where=q > 0, initial=0), jnp.min(n, initial=1)
jnp.sum(m, where=t), jnp.take(q, jnp.stack([i, i]), 1), jnp.concatenate([n, y]), jnp.stack([n, y], 1)
"""
"""Methods and operators; functions of unsigned and of complex numbers, and of truth values."""
OF_INDICES = """
m[1, ...], m[..., 1], m[..., i], q[i], q[:, i], q[..., i], q[i, i], q[i, :, i], q[:, i, i], q[0, :, i]
q[:, 0, i], q[i, ..., i], q[..., i, 0], q[i[0], :, i[1]], m[i[0], ..., i[1]], m[i, ..., i], m[None, i]
m[i, None], m[i, None, i], m[:, None, i], q[None, i, 0], q[i, None, 0], m[j[:, None], i], m[jnp.stack([i, i])]
m[jnp.stack([i, i]), 0], q[0, i, jnp.stack([i, i])], m[-1], m[::-1], m[::2, ::-2], m[1:3, i], m[i, 1:3]
m[-3:, -1], m[5:], m[:-9], m[3:0:-1], y[()], y[...], m[..., None], q[..., 1:, None, i]
q[:, i, None, i], q[None, i, :, i], q[1:, 0, None, i], q[1, jnp.stack([i, i]), 1:]
"""
"""Indices of every kind beside each other; where two of arrays are apart, their axes come first."""
OF_UPDATES = """
def written(array, *index):
    # Each place has a value of its own.
    there = array[index]
    value = jnp.arange(there.size, dtype=there.dtype).reshape(there.shape)
    if hasattr(array, "at"):
        return array.at[index].set(value)
    array = array.copy()
    array[index] = value
    return array

every, one, two = slice(None), n[0] % 3, (jnp.arange(2) + n[0]) % 3
return [
    written(m, two, 1), written(m, ..., one), written(m, slice(1, 3), two), written(m, one, ..., two),
    written(q, 0, every, two), written(q, two, every, one), written(q, ..., two, 0), written(m, -1),
    written(q, one, None, 0), written(m, 0, slice(None, None, 2)), written(q, every, 0, two), written(m, ...),
    written(q, every, two, None, two), written(m, slice(None, None, -1)), written(m, two[:, None], two),
    written(q, two, ..., two), written(q, None, two, every, one),
]
"""
"""What an array is once it is written to: NumPy does so in place."""
