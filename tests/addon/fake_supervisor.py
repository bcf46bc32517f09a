"""A Supervisor that takes announcements as strictly as the real one.

By itself, ``fake_supervisor.py PORT``, it prints what it takes, one JSON object a line.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "0123456789abcdef-supervisor"


class FakeSupervisor(ThreadingHTTPServer):
    """Listens on the loopback interface as soon as it is made.

    Attributes:
        taken: The configurations that were announced, in order.
        refusals: What it answers to so many requests before it takes one: statuses, or None to
            close the connection without an answer.
        problems: What was wrong with requests.
    """

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.taken = []
        self.refusals = []
        self.problems = []

    def on_taken(self, config):
        """Called for each."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.refusals and (status := self.server.refusals.pop(0)) != 200:
            if status is not None:
                self._answer(status, {"result": "error", "message": "not now"})
            return
        token = self.headers.get("Authorization")
        if token != f"Bearer {TOKEN}":
            self._refuse(401 if token is None else 403, "token")
        elif self.path != "/discovery":
            self._refuse(404, f"path {self.path}")
        elif self.headers.get("Content-Type") != "application/json":
            self._refuse(400, "content type")
        else:
            self._take(json.loads(body))

    def _take(self, message):
        if message.keys() != {"service", "config"}:
            self._refuse(400, f"message {message}")
        elif message["service"] != "wyoming":
            self._refuse(403, f"service {message['service']}")
        elif message["config"].keys() != {"uri"}:
            self._refuse(400, f"config {message['config']}")
        else:
            self.server.taken.append(message["config"])
            self.server.on_taken(message["config"])
            self._answer(200, {"result": "ok", "data": {"uuid": "0" * 32}})

    def do_GET(self):
        self._refuse(405, "method")

    do_PUT = do_GET  # noqa: N815 - called so

    def _refuse(self, status, problem):
        self.server.problems.append(problem)
        self._answer(status, {"result": "error", "message": problem})

    def _answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    with FakeSupervisor(int(sys.argv[1])) as server:
        server.on_taken = lambda config: print(json.dumps(config), flush=True)
        server.serve_forever()
