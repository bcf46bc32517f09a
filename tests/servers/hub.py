"""A Hugging Face hub on the loopback interface, as far as its client and we need one.

It keeps commits in memory, sends large files from another host name, and does what a test tells it
to do wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE_BYTES = 1000
"""From this size on a file is sent by the storage."""

TOKEN = "hf_sesame"
BLOCK_BYTES = 4096


@dataclass
class Repository:
    private: bool = False
    gated: bool = False
    branches: dict = field(default_factory=dict)
    """Commit of each branch and tag."""
    commits: dict = field(default_factory=dict)
    """Content by path of each commit."""


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    host: str
    first_byte: int
    authorization: str | None
    user_agent: str


@dataclass
class Fault:
    """What goes wrong with one request.

    Attributes:
        on: Pattern of the paths that are meant.
        status: Answer this instead.
        headers: With these.
        cut_after: Send so many bytes of the body, and hang up.
        flip: Change the byte with this number, counted from where the body begins.
        extra: Send this after the body.
        ignore_range: Send the whole file whatever was asked for.
        body: Send this, as if it were right.
        pause_s: Say nothing for so long first.
    """

    on: str = ""
    status: int | None = None
    headers: dict = field(default_factory=dict)
    cut_after: int | None = None
    flip: int | None = None
    extra: bytes = b""
    ignore_range: bool = False
    body: bytes | None = None
    pause_s: float = 0.0


class HubServer:
    """A hub that listens as soon as it is made; a context manager.

    Attributes:
        url: What HF_ENDPOINT should be.
        requests: Everything that was asked.
        bytes_per_s: How fast files are sent; None is as fast as it goes.
        sent_bytes: Of all files.
    """

    def __init__(self):
        self.repositories = {}
        self.requests = []
        self.faults = deque()
        self.bytes_per_s = None
        self.sent_bytes = 0
        self.uploads = {}
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.hub = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def commit(self, name, files, *, branch="main", private=False, gated=False):
        """Add or change files (None deletes one); returns the commit."""
        repository = self.repositories.setdefault(name, Repository(private, gated))
        tree = dict(repository.commits.get(repository.branches.get(branch), {}))
        tree.update(files)
        tree = {path: content for path, content in tree.items() if content is not None}
        described = json.dumps({path: git_sha1(tree[path]) for path in sorted(tree)}) + branch
        sha = hashlib.sha1(described.encode()).hexdigest()
        repository.commits[sha] = tree
        repository.branches[branch] = sha
        return sha

    def go_wrong(self, **fault):
        """Let the next request that the fault is for go wrong; faults come in this order."""
        self.faults.append(Fault(**fault))

    def files_sent(self):
        """Paths of the files that were asked for, in order, without what the storage was asked."""
        return [
            request.path.split("/", 5)[5]
            for request in self.requests
            if "/resolve/" in request.path and request.method == "GET"
        ]


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Clients are killed in these tests; nobody wants to read about it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - named after the methods of HTTP

    def _answer(self):
        self.hub = self.server.hub
        url = urlsplit(self.path)
        self.body = self._read_body()
        match = re.match(r"bytes=(\d+)-", self.headers.get("range", ""))
        self.asked = Request(
            self.command,
            unquote(url.path),
            self.headers["host"],
            int(match[1]) if match else 0,
            self.headers.get("authorization"),
            self.headers.get("user-agent", ""),
        )
        with self.hub.lock:
            self.hub.requests.append(self.asked)
            self.fault = next(
                (one for one in self.hub.faults if re.search(one.on, self.asked.path)), Fault()
            )
            if self.fault in self.hub.faults:
                self.hub.faults.remove(self.fault)
        time.sleep(self.fault.pause_s)
        if self.fault.status is not None:
            self._send(self.fault.status, b"it went wrong", self.fault.headers)
            return
        for pattern, method in _ROUTES:
            if found := re.fullmatch(pattern, self.asked.path):
                try:
                    method(self, **found.groupdict())
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                return
        self._send(404, b"no such route")

    def _read_body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_json(self, document, headers=None):
        self._send(
            200,
            json.dumps(document).encode(),
            {"Content-Type": "application/json"} | (headers or {}),
        )

    def _send_error_code(self, status, code, message="no"):
        self._send(
            status,
            json.dumps({"error": message}).encode(),
            {"X-Error-Code": code, "X-Error-Message": message, "Content-Type": "application/json"},
        )

    def _send_file(self, content, headers):
        if self.fault.body is not None:
            content = self.fault.body
        start = 0 if self.fault.ignore_range else self.asked.first_byte
        if start > len(content):
            self._send(416)
            return
        body = bytearray(content[start:])
        if self.fault.flip is not None and self.fault.flip < len(body):
            body[self.fault.flip] ^= 1
        body += self.fault.extra
        self.send_response(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.fault.cut_after is not None:
            del body[self.fault.cut_after :]
            self.close_connection = True
        for first in range(0, len(body), BLOCK_BYTES):
            block = bytes(body[first : first + BLOCK_BYTES])
            self.wfile.write(block)
            with self.hub.lock:
                self.hub.sent_bytes += len(block)
            if self.hub.bytes_per_s is not None:
                time.sleep(len(block) / self.hub.bytes_per_s)

    def _repository(self, name):
        """The repository, if whoever asks may see it; otherwise an answer is sent."""
        repository = self.hub.repositories.get(name)
        is_friend = self.asked.authorization == f"Bearer {TOKEN}"
        if self.asked.authorization is not None and not is_friend:
            self._send_error_code(401, "", "Invalid credentials in Authorization header")
        elif repository is None or (repository.private and not is_friend):
            self._send_error_code(404 if is_friend else 401, "RepoNotFound", "Repository not found")
        elif repository.gated and not is_friend:
            self._send_error_code(401, "GatedRepo", "Access to it is restricted")
        else:
            return repository
        return None

    def _commit(self, repository, revision):
        sha = repository.branches.get(revision, revision)
        if sha not in repository.commits:
            self._send_error_code(404, "RevisionNotFound", "Invalid rev id")
            return None
        return sha

    def info(self, name, revision="main"):
        repository = self._repository(name)
        sha = repository and self._commit(repository, unquote(revision))
        if not sha:
            return
        if self.fault.body is not None:
            self._send(200, self.fault.body)
            return
        siblings = []
        for path, content in repository.commits[sha].items():
            sibling = {"rfilename": path, "size": len(content), "blobId": git_sha1(content)}
            if len(content) >= LARGE_BYTES:
                sibling["lfs"] = {
                    "sha256": sha256(content),
                    "size": len(content),
                    "pointerSize": 130,
                }
            siblings.append(sibling)
        self._send_json({"_id": "0", "id": name, "sha": sha, "siblings": siblings})

    def resolve(self, name, revision, path):
        repository = self._repository(name)
        sha = repository and self._commit(repository, unquote(revision))
        if not sha:
            return
        content = repository.commits[sha].get(path)
        if content is None:
            self._send_error_code(404, "EntryNotFound", "Entry not found")
        elif len(content) >= LARGE_BYTES:
            location = (
                f"http://localhost:{self.hub.port}/storage/{sha256(content)}?signature=secret"
            )
            self._send(302, headers={"Location": location, "X-Repo-Commit": sha})
        else:
            self._send_file(content, {"X-Repo-Commit": sha})

    def storage(self, sha):
        for repository in self.hub.repositories.values():
            for tree in repository.commits.values():
                for content in tree.values():
                    if sha256(content) == sha:
                        self._send_file(content, {})
                        return
        self._send(404)

    # Publishing

    def create(self):
        asked = json.loads(self.body)
        name = f"{asked['organization']}/{asked['name']}"
        self.hub.repositories[name] = Repository(private=asked.get("visibility") == "private")
        self.hub.commit(name, {".gitattributes": b""})
        self._send_json({"url": f"{self.hub.url}/{name}", "id": name})

    def preupload(self, name, **_):
        if self._repository(name) is not None:
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["size"] >= LARGE_BYTES else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(self.body)["files"]
            ]
            self._send_json({"files": files})

    def lfs_batch(self, **_):
        objects = [
            {
                "oid": one["oid"],
                "size": one["size"],
                "actions": {"upload": {"href": f"{self.hub.url}/upload/{one['oid']}"}},
            }
            for one in json.loads(self.body)["objects"]
        ]
        self._send_json({"transfer": "basic", "objects": objects})

    def upload(self, sha):
        assert sha256(self.body) == sha
        self.hub.uploads[sha] = self.body
        self._send(200)

    def commit(self, name, revision):
        files = {}
        for line in self.body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "lfsFile":
                files[entry["value"]["path"]] = self.hub.uploads[entry["value"]["oid"]]
        sha = self.hub.commit(name, files, branch=unquote(revision))
        self._send_json({"commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha})

    def validate(self):
        self._send_json({"errors": [], "warnings": []})


_NAME = r"(?P<name>[^/]+/[^/]+)"
_ROUTES = (
    (rf"/api/models/{_NAME}", _Handler.info),
    (rf"/api/models/{_NAME}/revision/(?P<revision>.+)", _Handler.info),
    (rf"/{_NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _Handler.resolve),
    (r"/storage/(?P<sha>\w+)", _Handler.storage),
    (r"/api/repos/create", _Handler.create),
    (r"/api/validate-yaml", _Handler.validate),
    (rf"/api/models/{_NAME}/preupload/(?P<revision>.+)", _Handler.preupload),
    (rf"/{_NAME}\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    (r"/upload/(?P<sha>\w+)", _Handler.upload),
    (rf"/api/models/{_NAME}/commit/(?P<revision>.+)", _Handler.commit),
)
