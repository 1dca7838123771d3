"""Logs of two environments by hand, with a user's code, and what an upgrade says of them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from conformance.events.arrays import encode
from conformance.events.records import Record
from conformance.events.user_code import (
    Operation,
    Unreadable,
    Use,
    UserSources,
    UserSubject,
)
from conformance.upgrade.compare import compare
from conformance.upgrade.for_you import ForYou, for_you
from tests.conformance.upgrade.events import records


def side(
    subjects: Mapping[str, UserSubject],
    values: Mapping[str, Any],
    results: Mapping[str, Any] = {},  # read only
    uses: tuple[Use, ...] = (),
    unreadable: tuple[Unreadable, ...] = (),
    operations: tuple[Operation, ...] = (),
    versions: Mapping[str, str] = {},  # read only
) -> list[Record]:
    header = {
        "type": "header",
        "cell": "c",
        "observations": 1,
        "environment": dict(versions),
        "subjects": msgspec.to_builtins(dict(subjects)),
        "sources": msgspec.to_builtins(
            UserSources(
                files=1,
                uses=list(uses),
                unreadable=list(unreadable),
                operations=list(operations),
            )
        ),
    }
    names = ("law", "transform", "subject")
    return records(
        [
            header,
            *({"type": "observation", "key": k, "value": encode(v)} for k, v in values.items()),
            *(
                {"type": "result", **dict(zip(names, name.split(" | "), strict=True)), **result}
                for name, result in results.items()
            ),
        ]
    )


def found(before: list[Record], after: list[Record]) -> ForYou:
    mine = for_you(before, after, compare(before, after))
    assert mine is not None
    return mine


def lines(mine: ForYou) -> list[tuple[str, str, str]]:
    return [(line.where, line.what, line.sentence) for line in (*mine.work, *mine.know)]


def near(
    uses: tuple[Use, ...],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    operations: tuple[Operation, ...] = (),
) -> Any:
    mine = found(
        *(side({}, values, uses=uses, operations=operations) for values in (before, after))
    )
    return [(line.where, line.what, line.sentence) for line in mine.near]
