"""The line that `pytest -v` shows of each subject that conforms."""

import msgspec

from conformance.events.details import NotApplicable, NotSampled
from conformance.events.records import Result
from conformance.user_subjects.checked import in_one_line


def of(law: str, reason: str = "") -> Result:
    return Result(
        cell="c",
        law=law,
        transform="jax.vmap",
        subject="f",
        outcome="not-applicable" if reason else "holds",
        examples=0 if reason else 1,
        seconds=0.0,
        compilations=0,
        detail=NotApplicable(reason=reason, source="suite") if reason else None,
    )


def not_sampled(law: str) -> Result:
    detail = NotSampled(reason="quick checks this law for one in 3 of the subjects")
    return msgspec.structs.replace(of(law, "-"), outcome="not-sampled", detail=detail)


def test_a_law_that_no_transform_checked_is_named_with_its_first_reason() -> None:
    results = [
        of("a.held"),
        of("a.held", "pmap needs two devices, and there is one"),
        of("b.left", "f takes integers"),
        of("b.left", "pmap needs two devices, and there is one"),
        of("c.of-devices", "pmap needs two devices, and there is one"),
    ]
    assert (
        in_one_line("f", results) == "f: 1 check holds; not applicable: b.left (f takes integers)"
    )
    assert in_one_line("f", results[:1] * 2) == "f: 2 checks hold"
