"""ENV as a person writes it: installed, a date, or requirements (of a date), and a Python."""

import datetime as dt
import re
from typing import Literal

import attrs
from packaging.requirements import InvalidRequirement, Requirement


@attrs.frozen
class Spec:
    """What ENV asks for."""

    text: str
    kind: Literal["installed", "date", "requirements"]
    date: dt.date | None = None
    requirements: tuple[str, ...] = ()
    python: str | None = None
    """Such as 3.13; None for the version of this process."""


def parse(spec: str) -> Spec:
    """Read ENV: `installed`, a date, or requirements; `@3.13` at the end picks the Python.

    `jax==0.8.3 on 2026-01-29` is what an install of these requirements gave on that day.

    Raises ValueError, in one sentence, for anything else.
    """
    text, at, python = (part.strip() for part in spec.partition("@"))
    if at and not re.fullmatch(r"3\.\d+(\.\d+)?", python):
        raise ValueError(
            f"{python!r} in {spec!r} is not a Python version: what follows the @ is one such as 3.13"
        )
    if text == "installed":
        if at:
            raise ValueError(
                f"{spec!r} names another Python for what is installed here; write installed alone, "
                f"or requirements such as jax,flax@{python}"
            )
        return Spec(spec, "installed")
    if text[:1].isdigit():
        return Spec(spec, "date", date=_day(text), python=python or None)
    text, on, day = (part.strip() for part in text.partition(" on "))
    # A comma also stands between the conditions of one requirement: jax>=0.5,<0.6.
    found = tuple(part.strip() for part in re.split(r",\s*(?=[A-Za-z])(?![^\[]*\])", text))
    for one in found:
        check_requirement(one, f" in {spec!r}" if one != spec else "")
    date = _day(day) if on else None
    return Spec(spec, "requirements", date=date, requirements=found, python=python or None)


def _day(text: str) -> dt.date:
    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 (a day has no time zone)
    except ValueError:
        raise ValueError(f"{text!r} is not a date: a date is written as 2025-02-01") from None
    # Somewhere it is tomorrow already.
    if day > dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days=1):
        raise ValueError(f"{text!r} is in the future; for the newest releases write jax,flax")
    return day


def check_requirement(text: str, where: str = "") -> None:
    """Check that a text is a requirement, such as `jax==0.9.0`.

    Args:
        text: What should be a requirement.
        where: What the message says after the text, such as the ENV that it is part of.

    Raises:
        ValueError: It is none; the message says what to write.

    """
    try:
        Requirement(text)
    except InvalidRequirement:
        raise ValueError(
            f"{text!r}{where} is not a requirement; write a name, and a version if it matters, such as "
            "jax==0.9.0; for an environment write installed, a date such as 2025-02-01, or requirements"
        ) from None
