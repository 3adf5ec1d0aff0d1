"""``python -m ai_ops.cli.audit_offline``: ``ai-ops audit verify`` where little is installed.

It needs Python and ``cryptography`` (``pip install 'ai-ops[privacy]'``), no root and no network.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ai_ops.cli.audit_keys import keys_in
from ai_ops.cli.audit_report import as_data, code_of, in_words
from ai_ops.storage.bundle_check import check_bundle
from ai_ops.vocabulary.errors import BadInput

BAD_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a bundle; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ai_ops.cli.audit_offline")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--keys", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        checked = check_bundle(given.bundle, keys_in(given.keys))
    except BadInput as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    if given.json:
        print(json.dumps(as_data(given.bundle, checked), indent=1, ensure_ascii=False))
    else:
        print("\n".join(in_words(given.bundle, checked)))
    return code_of(checked)


if __name__ == "__main__":
    sys.exit(main())
