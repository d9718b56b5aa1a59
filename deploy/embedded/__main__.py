"""``python -m deploy.embedded``: Triton and the gateway together, until Ctrl-C.

The supervisor starts both as child processes, restarts a Triton that died, and at the end stops
the gateway first, so that requests under way still get their answers.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from deploy.embedded.installation import MissingPrerequisiteError, check_port
from deploy.embedded.repository import available_cores
from deploy.embedded.triton import EmbeddedTriton, TritonStartError, die_with_parent
from deploy.triton_arguments import Ports

_PROJECT = Path(__file__).parents[2]
_SAMPLE = Path("out") / "song.mp3"
_POLL_SECONDS = 0.2
_WATCH_SECONDS = 1.0
_GRACE_SECONDS = 3  # the gateway's default
_START_SECONDS = 30.0
_EPILOG = """\
environment:
  PORT                  the gateway's port (8080)
  TRITON_HTTP_PORT      Triton's ports, all on loopback (8000, 8001, 8002)
  TRITON_GRPC_PORT
  TRITON_METRICS_PORT
  ACOUSTICSENSE_CORES   cores to use, for instances and threads (all this process may run on)
  ACOUSTICSENSE_GRACE_SECONDS  how long requests may take to end after Ctrl-C (3)
  ACOUSTICSENSE_…       the gateway's settings: python -m gateway --help

examples:
  python -m deploy.embedded
  PORT=9090 ACOUSTICSENSE_CORES=4 python -m deploy.embedded -v
"""


class Stopped(Exception):  # noqa: N818  not an error: somebody asked
    """SIGINT or SIGTERM came."""


def main() -> int:
    """Run until stopped; 1 if something failed, 2 if the machine or a setting is not right."""
    verbose = _arguments().verbose
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        ports = Ports(
            *(
                _number(f"TRITON_{name}_PORT", 8000 + index)
                for index, name in enumerate(("HTTP", "GRPC", "METRICS"))
            )
        )
        cores = _number("ACOUSTICSENSE_CORES", available_cores())
        port = _number("PORT", 8080)
        check_port(port, "PORT")
        work = _PROJECT / ".cache" / "embedded" / str(ports.http)
        triton = EmbeddedTriton(_PROJECT / "model_repository", work, ports, cores, verbose=verbose)
        return _serve(triton, port)
    except (MissingPrerequisiteError, ValueError, FileNotFoundError) as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 2
    except TritonStartError as error:
        print(error, file=sys.stderr)
        return 1
    except Stopped:
        print("Stopped.")
        return 0


def _serve(triton: EmbeddedTriton, port: int) -> int:
    """Start both, say where, watch over them; whatever ends this, both are stopped."""
    gateway: subprocess.Popen[bytes] | None = None
    try:
        print(f"Starting Triton on {triton.cores} cores …", flush=True)
        triton.start()
        triton.wait_until_ready()
        gateway = _start_gateway(port, triton.ports.grpc)
        _wait_for_gateway(gateway, port)
        print(_greeting(port, triton.ports), flush=True)
        return _watch(triton, gateway)
    finally:
        # A second Ctrl-C must not interrupt the cleaning up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if gateway is not None:
            _stop_gateway(gateway)
        triton.stop()


def _watch(triton: EmbeddedTriton, gateway: subprocess.Popen[bytes]) -> int:
    """Return when the gateway ends; a Triton that dies, or loses a stub, is started again."""
    while gateway.poll() is None:
        if not triton.alive():
            print("Triton or a part of it died: starting it again.", file=sys.stderr, flush=True)
            triton.start()
            triton.wait_until_ready()
            print("Triton is ready again.", file=sys.stderr, flush=True)
        time.sleep(_WATCH_SECONDS)
    print(f"The gateway ended with status {gateway.returncode}.", file=sys.stderr)
    return 1


def _start_gateway(port: int, grpc_port: int) -> subprocess.Popen[bytes]:
    sample = _PROJECT / _SAMPLE
    environment = {
        **({"ACOUSTICSENSE_SAMPLE_SONG": str(sample)} if sample.exists() else {}),
        **os.environ,
        "ACOUSTICSENSE_PORT": str(port),
        "ACOUSTICSENSE_TRITON_URL": f"127.0.0.1:{grpc_port}",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "gateway"],
        env=environment,
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509  one system call, no lock
    )


def _wait_for_gateway(gateway: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and gateway.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(_POLL_SECONDS)
        else:
            return
    raise TritonStartError("The gateway did not become ready; its messages are above.")


def _stop_gateway(gateway: subprocess.Popen[bytes]) -> None:
    gateway.terminate()
    try:
        gateway.wait(_number("ACOUSTICSENSE_GRACE_SECONDS", _GRACE_SECONDS) + 1)
    except subprocess.TimeoutExpired:
        gateway.kill()
        gateway.wait()


def _greeting(port: int, ports: Ports) -> str:
    url = f"http://127.0.0.1:{port}"
    # base64 of a song is longer than an argument may be: the body goes through a pipe
    return f"""
AcousticSense is ready: {url}   (a page for your browser; Ctrl-C stops it)
Triton: http://127.0.0.1:{ports.http} and grpc://127.0.0.1:{ports.grpc}, \
metrics http://127.0.0.1:{ports.metrics}/metrics

Try it, from this folder, with the sample song:
  curl -F file=@{_SAMPLE} {url}/analyze-audio
  (printf '{{"data":"'; base64 -w0 {_SAMPLE}; printf '"}}') | curl --data-binary @- \\
    '{url}/api/v1/invoke?appkey=demo&token=demo&namespace=DeepChorus&version=v4'
"""


def _number(setting: str, default: int) -> int:
    text = os.environ.get(setting, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{setting} is {text!r}: it must be a whole number above 0")
    return int(text)


def _stop(_: int, __: FrameType | None) -> None:
    raise Stopped


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.embedded",
        description="Serve AcousticSense on this machine: an embedded Triton and the gateway.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show Triton's own messages")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
