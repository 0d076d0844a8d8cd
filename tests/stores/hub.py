"""A Hub of our own at the boundary of HTTP: what huggingface_hub asks when it lists and reads.

Responsible for the answers of a few endpoints in the form that the Hub documents. It stands for no
more: it was written from the client's source, and the real Hub was never asked.
"""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

SHA = "c0ffee" + "0" * 34


@dataclass(frozen=True)
class Commit:
    """What one commit brought."""

    files: dict[str, bytes]
    parent: str | None
    create_pr: bool


class Hub:
    """Files of one repository, and which requests came."""

    def __init__(self, files: dict[str, bytes], repo: str = "owner/name") -> None:
        self.files = files
        self.repo = repo
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self.commits: list[Commit] = []
        self.sha_before = SHA
        self.endpoint = ""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a GET."""
        parts = urlsplit(path)
        where = unquote(parts.path)
        if where.startswith(f"/api/models/{self.repo}/tree/"):
            rest = where.removeprefix(f"/api/models/{self.repo}/tree/")
            recursive = parse_qs(parts.query).get("recursive", ["false"])[0].lower() == "true"
            return self._tree(rest.partition("/")[2], recursive=recursive)
        if where.startswith(f"/api/models/{self.repo}/paths-info/"):
            return 404, {}, b""
        if where == f"/api/models/{self.repo}/discussions/1":
            return self._json(
                {
                    "isPullRequest": True, "changes": {"base": "refs/heads/main"}, "num": 1,
                    "filesWithConflicts": [], "title": "", "status": "draft", "events": [],
                    "createdAt": "2026-01-01T00:00:00.000Z",
                    "repo": {"name": self.repo, "type": "model"},
                }
            )  # fmt: skip
        if where.startswith(f"/api/models/{self.repo}"):
            return self._json({"id": self.repo, "sha": SHA, "siblings": [], "private": False})
        name = where.removeprefix(f"/{self.repo}/resolve/").partition("/")[2]
        if where.startswith(f"/{self.repo}/resolve/") and name in self.files:
            data = self.files[name]
            return 200, {"ETag": '"0"', "X-Repo-Commit": SHA}, data
        return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"

    def post(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a POST."""
        parts = urlsplit(path)
        what = unquote(parts.path).removeprefix(f"/api/models/{self.repo}/").partition("/")[0]
        if what == "paths-info":
            text = body.decode()
            names = parse_qs(text).get("paths") or json.loads(text or "{}").get("paths", [])
            return 200, {"Content-Type": "application/json"}, self.paths_info(names)
        if what == "preupload":
            files = [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                for one in json.loads(body)["files"]
            ]
            return self._json({"files": files})
        if what == "discussions":
            return self._json({"num": 1})
        if what == "commit":
            return self._commit(body, "create_pr=1" in parts.query or "refs/pr/1" in unquote(path))
        return 404, {}, b"{}"

    def _commit(self, body: bytes, create_pr: bool) -> tuple[int, dict[str, str], bytes]:
        rows = [json.loads(line) for line in body.splitlines()]
        header = next(one["value"] for one in rows if one["key"] == "header")
        files = {
            one["value"]["path"]: b64decode(one["value"]["content"])
            for one in rows
            if one["key"] == "file"
        }
        self.commits.append(Commit(files, header.get("parentCommit"), create_pr))
        link = f"{self.endpoint}/{self.repo}"
        told: dict[str, object] = {"commitUrl": f"{link}/commit/{SHA}", "commitOid": SHA}
        if create_pr:
            told["pullRequestUrl"] = f"{link}/discussions/1"
        else:
            self.files |= files
        return self._json(told)

    def paths_info(self, names: list[str]) -> bytes:
        """What is known of some paths."""
        return json.dumps(
            [one for one in self._entries("", recursive=True) if one["path"] in names]
        ).encode()

    def _tree(self, folder: str, *, recursive: bool) -> tuple[int, dict[str, str], bytes]:
        entries = self._entries(folder, recursive=recursive)
        if not entries:
            return 404, {"X-Error-Code": "EntryNotFound"}, b"{}"
        return self._json(entries)

    def _entries(self, folder: str, *, recursive: bool) -> list[dict[str, object]]:
        prefix = f"{folder}/" if folder else ""
        found: dict[str, dict[str, object]] = {}
        for name, data in self.files.items():
            if not name.startswith(prefix):
                continue
            parts = name.removeprefix(prefix).split("/")
            for depth in range(1, len(parts)):
                if recursive or depth == 1:
                    path = prefix + "/".join(parts[:depth])
                    found[path] = {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}
            if recursive or len(parts) == 1:
                found[name] = {"type": "file", "path": name, "oid": "0" * 40, "size": len(data)}
        return list(found.values())

    def _json(self, value: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


@contextmanager
def served(hub: Hub) -> Iterator[str]:
    """The address of a server of this hub on this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.asked.append(self.path)
            hub.tokens.add(self.headers.get("authorization"))
            self._reply(*hub.answer(self.path))

        do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

        def do_POST(self) -> None:
            hub.asked.append(self.path)
            hub.tokens.add(self.headers.get("authorization"))
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._reply(*hub.post(self.path, body))

        def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            asked = self.headers.get("Range")
            if asked and status == 200:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                total = len(body)
                body = body[int(first) : int(last) + 1 if last else total]
                headers = {**headers, "Content-Range": f"bytes {first}-{last}/{total}"}
                status = 206
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub.endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
