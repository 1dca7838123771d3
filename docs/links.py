"""A hook of MkDocs: a link that leads out of `docs/`, or to a script in it, leads to the repository."""

import posixpath
import re
from typing import Any

_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Rewrite the links of one page."""
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")

    def rewritten(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, found[1]))
        if path.startswith("docs/") and not path.endswith(".py"):
            return found[0]
        return f"]({config.repo_url}/blob/main/{path}"

    return _LINK.sub(rewritten, markdown)
