"""``python -m deploy.healthy PATH VARIABLE PORT``: 0 if this container answers there, 1 if not.

For images without curl. VARIABLE may name another port than PORT.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from urllib.error import URLError

_SECONDS = 4


def main() -> int:
    """Ask once."""
    path, variable, port = sys.argv[1:]
    url = f"http://127.0.0.1:{os.environ.get(variable) or port}{path}"
    try:
        urllib.request.urlopen(url, timeout=_SECONDS).close()
    except (URLError, OSError) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
