"""``python -m deploy.stubs PID``: end the Triton of that process id once it has lost a Python stub.

A Triton newer than 24.05 does not start a stub anew that died (issue 8604 of Triton's server): it
says that it is ready ever after, and fails each request that comes to that instance. Whoever
started it starts it anew when it has ended.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_POLL_SECONDS = 1.0
# As the kernel cuts its name. Triton also runs a shell or two, and collects those.
_STUB = "(triton_python_b"


def lost(server: int) -> bool:
    """Whether a stub of this process has died; Triton collects none before it ends itself."""
    return any(_is_dead_stub(entry / "stat", server) for entry in Path("/proc").glob("[0-9]*"))


def main() -> None:
    """Watch over the parent process, until either has ended."""
    server = int(sys.argv[1])
    while os.getppid() == server:
        if lost(server):
            print("A stub of Triton's has died: ending Triton, to be started anew", file=sys.stderr)
            os.kill(server, signal.SIGTERM)
            return
        time.sleep(_POLL_SECONDS)


def _is_dead_stub(stat: Path, parent: int) -> bool:
    with suppress(OSError):  # it has gone meanwhile
        name, _, rest = stat.read_text().rpartition(")")
        state, its_parent = rest.split()[:2]
        return state == "Z" and int(its_parent) == parent and name.endswith(_STUB)
    return False


if __name__ == "__main__":
    main()
