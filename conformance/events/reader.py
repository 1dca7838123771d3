"""Reading a log: records of `conformance.events.records`, or one sentence that says what is wrong."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import msgspec

from conformance.events.outcomes import Outcome
from conformance.events.records import SCHEMA, Footer, Header, Record
from properties import law_ids

_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_TYPES = tuple(kind.__name__.lower() for kind in get_args(Record))
_PLACE = re.compile(r" - at `(key in )?\$\.?(.*)`$")
_MARK = b"\xef\xbb\xbf"
_REMEDY = "only a log that vmap-conformance wrote, and nothing changed, can be read: run it again"


class LogError(Exception):
    """A log that cannot be read, in one sentence."""


class _Kind(msgspec.Struct):
    """As much of a line as tells which schema it follows."""

    type: Any = None
    schema: Any = None


def read(path: Path) -> list[Record]:
    """The records of a log, or of several logs joined.

    A last line that was cut short is dropped: the run was stopped there.

    Args:
        path: A file of JSON lines, as `EventLog` writes it.

    Raises:
        LogError: The file cannot be read, or a line of it is not a record of this schema in its place.

    """
    return read_all([path])


def read_all(paths: Iterable[Path]) -> list[Record]:
    """The records of several logs, one after the other.

    Args:
        paths: Files of JSON lines, as `EventLog` writes them.

    Raises:
        LogError: As `read` says; and two files have the same cell, so that one run would count twice.

    """
    records: list[Record] = []
    home: dict[str, Path] = {}
    for path in paths:
        found = _read_one(path)
        for cell in {record.cell for record in found}:
            if home.setdefault(cell, path) is not path:
                raise LogError(
                    f"{path} and {home[cell]} both contain the run {cell!r}: give each log once"
                )
        records += found
    return records


def _read_one(path: Path) -> list[Record]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LogError(
            f"{path} cannot be read: {error.strerror or error}; give the path of an event log"
        ) from None
    if content.startswith(_MARK):
        raise LogError(
            f"{path}, line 1, begins with a byte order mark: save the file as UTF-8 without one"
        )
    *lines, rest = content.split(b"\n")
    records: list[Record] = []
    ended: dict[str, bool] = {}
    for number, line in enumerate([*lines, rest], 1):
        if not line.strip() or (line is rest and _is_cut_short(line)):
            continue
        record = _decoded(line, f"{path}, line {number}")
        _check_place(record, ended, f"{path}, line {number}")
        records.append(record)
    if not records:
        raise LogError(
            f"{path} contains no event: give a log that `run --log` or `check --log` wrote"
        )
    return records


def _is_cut_short(line: bytes) -> bool:
    """Whether a last line without a line break is the beginning of an event, and no more."""
    try:
        msgspec.json.decode(line)
    except (msgspec.ValidationError, RecursionError):
        return False
    except (msgspec.DecodeError, UnicodeDecodeError):
        return line.startswith(b"{")
    return False


def _decoded(line: bytes, where: str) -> Record:
    try:
        line.decode("utf-8")
        record = _DECODER.decode(line)
    except msgspec.ValidationError as error:
        _check_schema(line, where)
        raise LogError(_sentence(where, str(error))) from None
    except RecursionError:
        raise LogError(f"{where}, is nested too deeply for an event: {_REMEDY}") from None
    except UnicodeDecodeError as error:
        raise LogError(f"{where}, is not UTF-8 (byte {error.start}): {_REMEDY}") from None
    except msgspec.DecodeError as error:
        words = str(error).removeprefix("JSON is malformed: ")
        raise LogError(f"{where}, is not JSON ({words}): {_REMEDY}") from None
    law = getattr(record, "law", None)
    if law is not None and law in law_ids.RENAMED:
        return msgspec.structs.replace(record, law=law_ids.current(law))
    return record


def _check_schema(line: bytes, where: str) -> None:
    """Raise `LogError` where the line is the header of another schema, whatever else is wrong in it."""
    try:
        kind = msgspec.json.decode(line, type=_Kind)
    except (msgspec.DecodeError, RecursionError):
        return
    schema = kind.schema
    if kind.type == "header" and type(schema) is int and schema != SCHEMA:
        remedy = "upgrade vmap-conformance" if schema > SCHEMA else "run again with this version"
        raise LogError(f"{where}, has schema {schema}, this version reads {SCHEMA}: {remedy}")


def _sentence(where: str, message: str) -> str:
    """The message of msgspec, with its place in front."""
    found = _PLACE.search(message)
    field = found[2] if found else ""
    message = _PLACE.sub("", message).replace("`", "'")
    if message.startswith("Object missing required field"):
        name = message.split("'")[1]
        return f"{where}, lacks the field '{f'{field}.' if field else ''}{name}': {_REMEDY}"
    if not field:
        return f"{where}, is not an event ({message[:1].lower() + message[1:]}): {_REMEDY}"
    known = {"type": _TYPES, "outcome": get_args(Outcome)}.get(field, ())
    among = f", which is none of {', '.join(known)}" if known and "Invalid" in message else ""
    return f"{where}, field '{field}': {message[:1].lower() + message[1:]}{among}; {_REMEDY}"


def _check_place(record: Record, ended: dict[str, bool], where: str) -> None:
    """Note the record in `ended`, which says of each cell whether its footer was seen.

    Raises `LogError` for a cell without a header in front, with two, or that goes on after its footer.
    """
    cell = record.cell
    if isinstance(record, Header):
        if cell in ended:
            raise LogError(f"{where}, is a second header of the run {cell!r}: give each log once")
        ended[cell] = False
        return
    if cell not in ended:
        raise LogError(f"{where}, belongs to the run {cell!r}, which has no header: {_REMEDY}")
    if ended[cell]:
        raise LogError(f"{where}, follows the footer of its run {cell!r}: give each log once")
    ended[cell] = isinstance(record, Footer)
