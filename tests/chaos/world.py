"""Everything that a task meets on its way, each part of it ready to be killed and started again."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from deploy.embedded.triton import EmbeddedTriton
from tests.conftest import Gateway, new_gateway
from tests.integration.processes import children
from tests.postgresql import Cluster
from tests.sounds import encode, tones
from tests.web import web

CLIP = encode(tones(3.0, 16_000, 1), "mp3", 16_000)
_SECRET = Fernet.generate_key().decode()


class Outside(http.server.ThreadingHTTPServer):
    """The server that has the audio, and the one that receives webhooks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: defaultdict[str, list[bytes]] = defaultdict(list)
        self.on_fetch: Callable[[], None] = _nothing
        self.on_call: Callable[[], None] = _nothing
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Outside

    def do_GET(self) -> None:
        self.server.on_fetch()
        self._answer(CLIP)

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # its sender was killed: nothing was delivered
        self.server.bodies[self.headers["webhook-id"]].append(body)
        self.server.on_call()
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        with suppress(ConnectionError):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _nothing() -> None:
    pass


class World:
    """Gateways on one database before one Triton, and a client that asks until it is accepted."""

    def __init__(
        self, folder: Path, triton: EmbeddedTriton, cluster: Cluster | None, gateways: int
    ) -> None:
        self.outside = Outside()
        self.triton = triton
        self.cluster = cluster
        self.accepted: dict[str, str] = {}
        """Idempotency keys, and the tasks that were accepted under them."""
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._settings = {
            "ACOUSTICSENSE_OUTBOUND__ALLOWED_HOSTS": '["127.0.0.1"]',
            "ACOUSTICSENSE_DATA_DIR": str(folder / "var"),
        }
        if cluster is not None:
            self._settings["ACOUSTICSENSE_DATABASE_URL"] = cluster.new_database()
            self._settings["ACOUSTICSENSE_SECRET_KEYS"] = json.dumps([_SECRET])
        self.gateways = [self.new_gateway(number) for number in range(gateways)]

    def new_gateway(self, number: int) -> Gateway:
        return new_gateway(
            self.triton.ports.grpc,
            self._folder / f"log{number}-{time.monotonic_ns()}",
            ACOUSTICSENSE_EXECUTOR_ID=f"gateway-{number}",
            **self._settings,
        )

    def close(self) -> None:
        for gateway in self.gateways:
            gateway.process.kill()
            gateway.process.wait()
        self.outside.shutdown()
        self.outside.server_close()

    # The client

    def send(self, key: str, *, by_url: bool, tries: int = 1) -> None:
        """Ask for a task, as a client does that must not lose it: again, with the same key."""
        hook = {"url": f"{self.outside.url}/hook", "secret_token": "my secret", "timeout": 5}
        for _ in range(tries):
            gateway = random.choice(self.gateways)
            with suppress(httpx.TransportError):
                answer = self._ask(gateway.url, key, hook, by_url=by_url)
                if answer.status_code == 200:
                    name = answer.json().get("request_id") or answer.json()["task_id"]
                    assert self.accepted.setdefault(key, name) == name, "one key, two tasks"
                    return
                assert answer.status_code in {429, 503}, answer.text
            time.sleep(0.2)

    def _ask(self, url: str, key: str, hook: dict[str, object], *, by_url: bool) -> httpx.Response:
        headers = {"Idempotency-Key": key}
        if by_url:
            body = {"audio_url": f"{self.outside.url}/song.mp3", "webhook": hook}
            path = "/analyze-with-webhook"
            return web.post(url + path, json=body, headers=headers, timeout=60)
        body = {"data": base64.b64encode(CLIP).decode(), "payload": json.dumps({"webhook": hook})}
        path = "/api/v1/invoke?appkey=a&token=t&namespace=DeepChorus"
        return web.post(url + path, json=body, headers=headers, timeout=60)

    # What dies

    def kill_gateway(self, number: int) -> None:
        process = self.gateways[number].process
        process.kill()
        process.wait()

    def revive_gateway(self, number: int) -> None:
        self.gateways[number] = self.new_gateway(number)

    def kill_triton(self) -> None:
        process = self.triton.process
        assert process is not None
        process.kill()
        process.wait()
        self.triton.start()

    def mind_triton(self) -> None:
        """What `make serve` does with a Triton that died or lost a stub."""
        if not self.triton.alive():
            self.triton.start()

    def kill_stub(self, chance: random.Random) -> None:
        assert self.triton.process is not None
        stubs = [pid for pid, line in children(self.triton.process.pid).items() if "stub" in line]
        if stubs:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(stubs), signal.SIGKILL)

    def kill_database(self) -> None:
        assert self.cluster is not None
        self.cluster.kill()
        time.sleep(0.2)
        self.cluster.start()

    # What was promised

    def check(self, seconds: float) -> None:
        """Every accepted task has ended, was told at least once, and never in two ways."""
        end = time.monotonic() + seconds
        missing = set(self.accepted.values())
        while missing := {name for name in missing if not self.outside.bodies[name]}:
            assert time.monotonic() < end, f"never told: {self.documents(missing)}"
            self.mind_triton()
            time.sleep(0.1)
        for name, bodies in self.outside.bodies.items():
            digests = {hashlib.sha256(body).hexdigest() for body in bodies}
            assert len(digests) <= 1, f"two bodies for {name}: {bodies}"
        for name in self.accepted.values():
            body = json.loads(self.outside.bodies[name][0])
            assert name in {body.get("request_id"), body.get("task_id")}
            assert "top_genre" in body or body.get("status_code") == 20000000, body
        documents = self.documents(self.accepted.values())
        assert {each["state"] for each in documents} <= {"succeeded"}, documents

    def documents(self, names: Iterable[str]) -> list[dict[str, object]]:
        url = self.gateways[0].url
        return [web.get(f"{url}/api/v1/tasks/{name}", timeout=60).json() for name in names]
