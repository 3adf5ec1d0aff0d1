"""Evidently's page with our part at its top, closed: nothing but its own scripts runs in it, and
it asks no host for anything."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Final

_BEGIN: Final = re.compile(r"<script>\s*var (metric_[0-9a-f]{32}) = ")
_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SCRIPTS: Final = 4
"""Evidently's data, its library, and what stands before and after that."""


def sealed(page: str, section: str, style: str) -> str:
    """The page, with a section of HTML before Evidently's own part and its style in the head.

    Evidently writes texts as they are into a script. Here no ``<`` is left in its data, which then
    cannot end that script, and a policy names the scripts that may run by their digests: what
    came in by another way would not run either.

    >>> lib, one = "<script>a()</script>", "metric_" + "0" * 32
    >>> data = f'<script>var {one} = "</script><script>b()</script>";</script>'
    >>> rest = f'<div id="root_{one}"></div>{lib}{lib}{lib}</body>'
    >>> made = sealed(f"<head>{data}</head><body>{rest}", "<h1>Drift</h1>", "")
    >>> "<script>b()" in made, made.count("<script>"), made.count("'sha256-")
    (False, 4, 2)
    """
    begin = _BEGIN.search(page)
    end = page.find(f'<div id="root_{begin[1]}">') if begin else -1
    if begin is None or end < 0:
        raise ValueError("Evidently's page is not laid out as by the version that is pinned")
    head, data, rest = page[: begin.start()], page[begin.start() : end], page[end:]
    # Its id is drawn anew for each page: no text in the data can hold the mark of the data's end.
    script, _, after = data.removeprefix("<script>").rpartition("</script>")
    script = script.replace("<", "\\u003c")
    scripts = [script, *_SCRIPT.findall(rest)]
    if len(scripts) != _SCRIPTS or _SCRIPT.search(head):
        raise ValueError(f"Evidently's page has {len(scripts)} scripts, {_SCRIPTS} are known")
    closed = f"{_policy(scripts)}<style>{style}</style>"
    after = after.replace("<body>", f"<body>{section}", 1)
    return f"{_into_head(head, closed)}<script>{script}</script>{after}{rest}"


def _policy(scripts: list[str]) -> str:
    digests = dict.fromkeys(b64encode(sha256(one.encode()).digest()).decode() for one in scripts)
    own = " ".join(f"'sha256-{digest}'" for digest in digests)
    policy = (
        f"default-src 'none'; script-src {own}; style-src 'unsafe-inline'; font-src data:; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def _into_head(head: str, text: str) -> str:
    before, opened, after = head.partition("<head>")
    return f"{before}{opened}{text}{after}"
