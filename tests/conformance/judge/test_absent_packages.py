"""A package that is not installed keeps no function from being judged that does not use it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SQUARE = "def vectorized_square(x):\n    return x * x\n"


@pytest.mark.parametrize(
    "source",
    [
        "import no_such_package as nsp\n" + SQUARE,
        "import no_such_package.part.of.it\n" + SQUARE,
        "from no_such_package.part import Thing, other\n" + SQUARE,
        "import sys\nif sys.version_info > (3,):\n    import no_such_package\n" + SQUARE,
        (
            "from no_such_package import Array, Float\n"
            "def vectorized_square(x: Float[Array, 'b'] | None) -> Array:\n    return x * x\n"
        ),
        (
            "import no_such_package as nsp\ndef vectorized_square(x):\n"
            "    return x if isinstance(x, nsp.Tensor) else x * x\n"
        ),
        (
            "try:\n    import no_such_package as xp\nexcept ImportError:\n    import numpy as xp\n"
            "def vectorized_square(x):\n    return xp.multiply(x, x)\n"
        ),
    ],
)
def test_what_does_not_use_it_is_judged(source: str, judge: Callable) -> None:
    (verdict,) = judge(source, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    noted = any("no_such_package is not installed" in each for each in verdict.remarks)
    assert noted == ("try:" not in source), verdict.remarks
    wrong = source.replace("x * x", "x + x").replace("multiply", "add")
    (verdict,) = judge(wrong, patience=20.0)
    assert verdict.verdict == "violates", verdict


@pytest.mark.parametrize(
    "use",
    [
        "nsp.square(x)",
        "x * nsp.two",
        "nsp.two * x",
        "x @ nsp.two",
        "[v * v for v in nsp]",
        "float(nsp)",
    ],
)
def test_what_uses_it_is_told_so(use: str, judge: Callable) -> None:
    (verdict,) = judge(
        f"import no_such_package as nsp\ndef vectorized_square(x):\n    return {use}\n"
    )
    assert verdict.verdict == "error", verdict
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.pitfall == "package-not-installed", verdict


@pytest.mark.parametrize(
    ("source", "pitfall"),
    [
        ("import no_such_package as nsp\nnsp.enable()\n" + SQUARE, "package-not-installed"),
        ("import no_such_package as nsp\nclass A(nsp.B): pass\n" + SQUARE, "package-not-installed"),
        ("from no_such_package import *\n" + SQUARE, "package-not-installed"),
        ("import conformance\n" + SQUARE, "imports-the-suite"),
        ("import jax.no_such_part\n" + SQUARE, "no-such-name"),
    ],
)
def test_a_file_that_cannot_be_loaded_without_it_is_not(
    source: str, pitfall: str, judge: Callable
) -> None:
    (verdict,) = judge(source)
    assert (verdict.verdict, verdict.exercise) == ("error", None), verdict
    assert (verdict.diagnosis.pitfall if verdict.diagnosis else None) == pitfall, verdict
