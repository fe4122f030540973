"""A live server over raw sockets: clients of other versions, proxies, addresses, keys, and ends of connections."""

import json
import re
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from app.catalog.registry import Registry
from app.http.protocol import RESERVE
from app.http.routing import NOT_SERVED, ROUTES
from app.settings import SettingsError, load_settings
from tests.conftest import Live, Serve
from tests.helpers import TokenSlow, wrapped
from tests.raw import CLOSE, PATIENCE_S, connect, connected, exchange, get, parse_replies, post, read_all, status_of

NEXT = {"text": "the man", "model": "language-en"}
GENERATE = {"prompt": "the man", "model": "language-en", "max_new_tokens": 20, "min_new_tokens": 20}
PAGES = ("/", "/docs", "/openapi.json", "/playground/main.js", "/static/swagger-ui/swagger-ui.css")
NAMES = {"name": "language-en", "model": "language-en"}
GETS = [group.prefix + route.path for group in ROUTES for route in group.routes if route.method == "GET"]
POSTS = [
    path
    for group in ROUTES
    for route in group.routes
    if route.method == "POST" and not (path := group.prefix + route.path).endswith(tuple(NOT_SERVED))
]
FORMS = [group.prefix + route.path for group in ROUTES for route in group.routes if route.takes_forms]
KEYED = [
    (route.method, group.prefix + route.path) for group in ROUTES if group.needs_key for route in group.routes
]  # fmt: skip


def filled(path: str) -> str:
    return re.sub(r"{(\w+)(:path)?}", lambda found: NAMES[found[1]], path)


@pytest.fixture(scope="module")
def live(serve: Serve) -> Live:
    return serve()


@pytest.fixture(scope="module")
def closed(serve: Serve) -> Live:
    return serve(api_keys="right")


@pytest.fixture(scope="module")
def slow(serve: Serve, registry: Registry) -> Live:
    return serve(wrapped(registry, "language-en", TokenSlow), max_new_tokens=5000)


def await_that(condition: Any) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


class TestUpgrades:
    def test_what_javas_client_sends(self, live: Live) -> None:
        """The body comes in a segment of its own, as Java's HttpClient sends it."""
        lines = ("Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
                 "Upgrade: h2c")  # fmt: skip
        head, end, body = post("/next-word-probs", NEXT, *lines).partition(b"\r\n\r\n")
        with connected(live) as connection:
            connection.sendall(head + end)
            time.sleep(0.05)
            connection.sendall(body + get("/livez", CLOSE))
            replies = parse_replies(read_all(connection))
        assert [reply.status for reply in replies] == [200, 200]
        assert "next" in json.loads(replies[0].body)

    def test_nothing_is_logged_of_it(self, live: Live, caplog: pytest.LogCaptureFixture) -> None:
        exchange(live, post("/next-word-probs", NEXT, "Connection: Upgrade, close", "Upgrade: h2c"))
        assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []

    @pytest.mark.slow
    def test_javas_client(self, live: Live, tmp_path: Path) -> None:
        java = shutil.which("java")
        if not java:
            pytest.skip("needs Java 11 or newer")
        program = tmp_path / "Ask.java"
        program.write_text(JAVA, encoding="utf-8")
        done = subprocess.run([java, str(program), live.url], capture_output=True, text=True, check=False)
        assert done.stdout.split() == ["200"] * 3, done.stderr


JAVA = """
import java.net.URI;
import java.net.http.*;

public class Ask {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        String body = "{\\"text\\": \\"the man\\", \\"model\\": \\"language-en\\"}";
        for (int count = 0; count < 3; count++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0] + "/next-word-probs"))
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
        }
    }
}
"""


class TestHalfClosed:
    def test_a_whole_request_is_answered(self, live: Live) -> None:
        with connected(live) as connection:
            connection.sendall(post("/next-word-probs", NEXT))
            connection.shutdown(socket.SHUT_WR)
            (reply,) = parse_replies(read_all(connection))
        assert reply.status == 200

    @pytest.mark.parametrize("stream", [False, True])
    def test_also_one_that_takes_a_while(self, slow: Live, stream: bool) -> None:
        with connected(slow) as connection:
            connection.sendall(post("/generate", GENERATE | {"max_new_tokens": 100, "stream": stream}))
            connection.shutdown(socket.SHUT_WR)
            (reply,) = parse_replies(read_all(connection))
        assert reply.status == 200
        assert stream or reply.all("connection") == ["close"]  # the header of a stream can come before the end does
        assert (b"event: done" if stream else b'"finish_reason":"length"') in reply.body

    def test_a_client_that_is_gone_frees_its_slot(self, slow: Live) -> None:
        """Ending both sides looks the same at first."""
        endless = GENERATE | {"max_new_tokens": 5000, "min_new_tokens": 5000}
        with connected(slow) as connection:
            connection.sendall(post("/generate", endless))
            await_that(lambda: slow.app.state.engine.running == 1)
        begun = time.monotonic()
        await_that(lambda: slow.app.state.engine.running == 0)
        assert time.monotonic() - begun < PATIENCE_S  # alone, the text takes 25 s


class TestHttp10:
    def test_a_stream_ends_with_the_connection(self, live: Live) -> None:
        body = GENERATE | {"stream": True}
        for lines in ((), ("Connection: keep-alive",)):
            (reply,) = parse_replies(exchange(live, post("/generate", body, *lines, version="1.0")))
            assert (reply.status, reply.all("connection")) == (200, ["close"])
            assert reply.all("transfer-encoding") == []
            assert reply.body.startswith(b"event: token")
            assert b"event: done" in reply.body

    def test_a_stream_of_http_1_1_has_one_connection_field(self, live: Live) -> None:
        body = GENERATE | {"stream": True}
        (reply,) = parse_replies(exchange(live, post("/generate", body, CLOSE)))
        assert (reply.all("connection"), reply.all("transfer-encoding")) == (["close"], ["chunked"])

    @pytest.mark.parametrize("path", [*GETS, *PAGES])
    def test_every_page(self, live: Live, path: str) -> None:
        path = filled(path)
        old, new = (parse_replies(exchange(live, get(path, CLOSE, version=version)))[0] for version in ("1.0", "1.1"))
        assert (old.status, old.all("connection"), old.all("transfer-encoding")) == (200, ["close"], [])
        if path != "/metrics":
            assert old.body == new.body


class TestHead:
    @pytest.mark.parametrize("path", [*GETS, *PAGES])
    def test_is_answered_wherever_get_is(self, live: Live, path: str) -> None:
        path = filled(path)
        head = exchange(live, get(path, CLOSE, method="HEAD"))
        (full,) = parse_replies(exchange(live, get(path, CLOSE)))
        fields, _, body = head.partition(b"\r\n\r\n")
        assert (status_of(head), body) == (200, b"")
        sent = {line.partition(":")[0].lower() for line in fields.decode().split("\r\n")[1:]}
        assert sent == {name for name, _ in full.fields}
        if path != "/metrics":
            assert f"content-length: {full.all('content-length')[0]}" in fields.decode().lower()

    def test_elsewhere_it_is_refused_as_get_is(self, live: Live) -> None:
        for path, status in (("/nothing", 404), ("/generate", 405)):
            head = exchange(live, get(path, CLOSE, method="HEAD"))
            assert (status_of(head), head.partition(b"\r\n\r\n")[2]) == (status, b"")
        (reply,) = parse_replies(exchange(live, get("/models", CLOSE, method="DELETE")))
        assert (reply.status, reply.all("allow")) == (405, ["GET, HEAD"])

    def test_the_connection_can_be_used_again(self, live: Live) -> None:
        reply = exchange(live, get("/docs", method="HEAD") + get("/livez", CLOSE))
        assert reply.count(b"HTTP/1.1 200 OK") == 2
        assert reply.endswith(b'{"status":"ok"}')


class TestCompressedBodies:
    @pytest.mark.parametrize("path", POSTS)
    @pytest.mark.parametrize("coding", ["gzip", "br", "GZIP", "identity, gzip"])
    def test_are_named_as_the_cause(self, live: Live, path: str, coding: str) -> None:
        request = post(filled(path), NEXT, f"Content-Encoding: {coding}", CLOSE)
        (reply,) = parse_replies(exchange(live, request))
        assert (reply.status, reply.all("accept-encoding")) == (415, ["identity"])
        assert b"Content-Encoding" in reply.body

    def test_forms_too(self, live: Live) -> None:
        headers = {"content-encoding": "gzip", "content-type": "application/x-www-form-urlencoded"}
        reply = httpx.post(f"{live.url}/libretranslate/translate", content=b"\x1f\x8b", headers=headers)
        assert reply.status_code == 415
        assert "Content-Encoding" in reply.json()["error"]

    def test_identity_is_none(self, live: Live) -> None:
        request = post("/next-word-probs", NEXT, "Content-Encoding: identity", CLOSE)
        assert status_of(exchange(live, request)) == 200


class TestProxies:
    def limited(self, live: Live, address: str) -> int:
        headers = {"x-forwarded-for": address}
        return httpx.post(f"{live.url}/tokenize", json=NEXT, headers=headers, timeout=PATIENCE_S).status_code

    def test_a_trusted_ones_clients_have_their_own_limits(self, serve: Serve) -> None:
        live = serve(rate_limit="1/hour", trusted_proxies="10.0.0.0/8, 127.0.0.1")
        assert [self.limited(live, address) for address in ("1.1.1.1", "1.1.1.1", "2.2.2.2")] == [200, 429, 200]
        assert self.limited(live, "3.3.3.3, 1.1.1.1, 10.1.1.1") == 429  # the last address that is no proxy's

    def test_others_can_claim_nothing(self, serve: Serve) -> None:
        for proxies in ("", "10.0.0.0/8"):
            live = serve(rate_limit="1/hour", trusted_proxies=proxies)
            assert [self.limited(live, address) for address in ("1.1.1.1", "2.2.2.2")] == [200, 429]

    def test_a_bad_setting_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in (("TRUSTED_PROXIES", "proxy.example"), ("ROOT_PATH", "lstm"), ("ROOT_PATH", "/a b")):
            monkeypatch.setenv(f"CAROUSEL_{name}", value)
            with pytest.raises(SettingsError, match=f"CAROUSEL_{name}"):
                load_settings()
            monkeypatch.delenv(f"CAROUSEL_{name}")

    @pytest.mark.parametrize("root_path", ["", "/lstm", "/a/b/"])
    def test_behind_a_prefix_all_addresses_are_right(self, serve: Serve, root_path: str) -> None:
        """Every link of the pages, and the address of the API document's server, is below the page's own prefix."""
        live = serve(root_path=root_path)
        prefix = "http://proxy.example" + root_path.rstrip("/")

        def fetch(address: str) -> httpx.Response:
            assert address.startswith(prefix + "/")
            return httpx.get(live.url + address.removeprefix(prefix), timeout=PATIENCE_S)

        for page in ("/", "/docs"):
            text = fetch(prefix + page).text
            links = re.findall(r"(?:href|src)=\"([^\"#]+)\"|url: '([^']+)'", text)
            assert len(links) >= 4
            for link in links:
                assert fetch(urljoin(prefix + page, "".join(link))).status_code == 200
        document = fetch(prefix + "/openapi.json").json()
        assert [urljoin(prefix + "/openapi.json", server["url"]) for server in document["servers"]] in (
            [prefix], [prefix + "/"]
        )  # fmt: skip

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9"])
    def test_redirects_are_relative(self, live: Live, host: str) -> None:
        cases = {"/models/": "../models", "/models//": "../../models", "/static": "./static/",
                 "/models/?a=b": "../models?a=b"}  # fmt: skip
        for path, location in cases.items():
            (reply,) = parse_replies(exchange(live, get(path, CLOSE, host=host)))
            assert (reply.status, reply.all("location")) == (307, [location])


class TestReserve:
    def test_health_is_told_when_connections_are_at_their_maximum(self, serve: Serve) -> None:
        live = serve(max_connections=2)
        with connected(live) as first, connected(live) as second:
            for connection in (first, second):
                connection.sendall(get("/livez"))
                assert status_of(connection.recv(65536)) == 200
            for path in ("/livez", "/readyz", "/livez?a"):
                (reply,) = parse_replies(exchange(live, get(path)))
                assert (reply.status, reply.all("connection")) == (200, ["close"])
            for request in (get("/models"), post("/next-word-probs", NEXT), get("/livezz")):
                (reply,) = parse_replies(exchange(live, request))
                assert (reply.status, reply.all("connection"), reply.all("retry-after")) == (503, ["close"], ["1"])

    def test_silent_connections_do_not_use_it_up(self, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
        live = serve(max_connections=1)
        with ExitStack() as stack:
            for _ in range(3 * RESERVE):
                stack.enter_context(connect(live.url))
            assert status_of(exchange(live, get("/livez"))) == 200
        await_that(lambda: status_of(exchange(live, get("/models", CLOSE))) == 200)
        assert not [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


class TestKeysBeforeBodies:
    @pytest.mark.parametrize(("method", "path"), KEYED)
    @pytest.mark.parametrize("line", ["X: y", "Authorization: Bearer wrong"])
    def test_a_body_that_never_comes(self, closed: Live, method: str, path: str, line: str) -> None:
        with connected(closed) as connection:
            connection.sendall(get(filled(path), line, "Content-Length: 2000000", method=method))
            reply = connection.recv(65536)
        assert status_of(reply) == 401

    @pytest.mark.parametrize(("method", "path"), KEYED)
    def test_bodies_of_all_kinds(self, closed: Live, method: str, path: str) -> None:
        for content in (b"", b"{", b'{"x": 1}', b"[1]" * 1000):
            headers = {"content-type": "application/json"}
            url = closed.url + filled(path)
            reply = httpx.request(method, url, content=content, headers=headers, timeout=PATIENCE_S)
            assert reply.status_code == 401

    @pytest.mark.parametrize("path", FORMS)
    def test_a_key_in_the_body_comes_before_its_other_fields(self, closed: Live, path: str) -> None:
        def status(content: bytes | str, **headers: str) -> int:
            headers = {"content-type": "application/json"} | headers
            return httpx.post(closed.url + path, content=content, headers=headers, timeout=PATIENCE_S).status_code

        for content in (b"", b"{", b'{"x": 1}', b'{"api_key": "wrong", "x": 1}', b'{"api_key": 1}', b"[[1]]" * 1000):
            assert status(content) == 403
        assert status("x=1", **{"content-type": "application/x-www-form-urlencoded"}) == 403
        assert status(b'{"api_key": "right", "x": 1}') == 400
        assert status(b'{"x": 1}', authorization="Bearer right") == 400
        with connected(closed) as connection:
            connection.sendall(get(path, "Authorization: Bearer wrong", "Content-Length: 2000000", method="POST"))
            assert status_of(connection.recv(65536)) == 403

    def test_a_body_that_is_not_read_does_not_break_the_connection(self, closed: Live) -> None:
        """The reply arrives although the client is still sending, and the next request is answered."""
        large = post("/classify", {"text": "x" * 1_500_000})
        with connected(closed) as connection:
            connection.sendall(large + get("/livez", CLOSE))
            assert [reply.status for reply in parse_replies(read_all(connection))] == [401, 200]
        with connected(closed) as connection:
            connection.sendall(post("/classify", {"text": "x" * 1_500_000}, CLOSE))
            assert [reply.status for reply in parse_replies(read_all(connection))] == [401]

    def test_what_is_refused_counts_for_the_address(self, serve: Serve) -> None:
        live = serve(api_keys="right", rate_limit="5/hour")

        def status(key: str) -> int:
            headers = {"authorization": f"Bearer {key}"}
            return httpx.post(f"{live.url}/tokenize", json=NEXT, headers=headers, timeout=PATIENCE_S).status_code

        assert [status("wrong") for _ in range(7)] == [401] * 5 + [429] * 2
        assert status("right") == 200
