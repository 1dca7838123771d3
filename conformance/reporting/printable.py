"""The one sanitiser of what is shown: text from a log or a user, without what acts on its reader."""

import re

_ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, C1 among them; escape sequences start there
    "\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or turn text
    "\u2028\u2029"  # end a line in some readers
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # not text; XML and HTML forbid them
)


def printable(text: str) -> str:
    r"""The text with each character that a terminal, XML or HTML would act on as a Python escape.

    Such characters are controls other than newline and tab, C1 controls, direction marks, lone
    surrogates and noncharacters. ``"\x1b[31m"`` becomes the eight characters ``\x1b[31m``.
    """
    return _ACTS.sub(_escaped, text)


def _escaped(found: "re.Match[str]") -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
