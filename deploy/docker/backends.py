"""``python -m deploy.docker.backends``: the embedded Triton's backends, as a step of its image."""

from __future__ import annotations

from deploy.embedded.installation import find_wheel, write_backends
from deploy.triton_container import BACKENDS

if __name__ == "__main__":
    write_backends(find_wheel(), BACKENDS)
