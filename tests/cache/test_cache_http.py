"""The transport over HTTP, against nginx as the how-to page sets it up."""

import io
import subprocess
from pathlib import Path

import pytest
from cache_servers import SECRET, Nginx, free_port, nginx, program

from net2bit.cache.http import Http
from net2bit.cache.transport import CHUNK, Missing, Refused, Stream, Transport, Unavailable

NAME = "cas/" + "a" * 64


def put(transport: Transport, content: bytes, name: str = NAME) -> None:
    """Put a content in."""
    transport.put(name, io.BytesIO(content), len(content))


def whole(stream: Stream) -> bytes:
    """Read a stream to its end."""
    return b"".join(iter(stream.read, b""))


def test_what_was_put_is_there(web: Nginx) -> None:
    """A content that was put can be looked up and read, and lies on the server byte for byte."""
    transport = Http(web.url, SECRET)
    content = bytes(range(256)) * 20_000
    assert not transport.exists(NAME)
    put(transport, content)
    assert transport.exists(NAME)
    with transport.get(NAME) as stream:
        assert (stream.offset, stream.size) == (0, len(content))
        assert whole(stream) == content
    assert (web.files / NAME).read_bytes() == content
    transport.close()


def test_missing(web: Nginx) -> None:
    """What is not there is told apart from a fault."""
    transport = Http(web.url)
    with pytest.raises(Missing), transport.get(NAME):
        pass
    transport.close()


def test_from_an_offset(web: Nginx) -> None:
    """A broken transfer goes on where it was; one that has more than there is begins anew."""
    transport = Http(web.url, SECRET)
    put(transport, b"0123456789")
    with transport.get(NAME, 4) as stream:
        assert (stream.offset, stream.size, whole(stream)) == (4, 10, b"456789")
    with transport.get(NAME, 10) as stream:
        assert (stream.offset, stream.size, whole(stream)) == (0, 10, b"0123456789")
    transport.close()


@pytest.mark.parametrize("auth", ["", "ci:wrong", "a-token"])
def test_strangers_read_only(web: Nginx, auth: str) -> None:
    """Without the password, or with a wrong one, nothing can be written."""
    transport = Http(web.url, auth)
    with pytest.raises(Refused, match="401"):
        put(transport, b"evil")
    assert not web.names("cas")
    transport.close()


def test_a_large_refused_upload(web: Nginx) -> None:
    """A server that says no in the middle of an upload is understood."""
    transport = Http(web.url)
    with pytest.raises(Refused, match="401"):
        put(transport, bytes(30 * CHUNK))
    transport.close()


def test_a_location_that_only_reads(tmp_path: Path) -> None:
    """A server without PUT answers 403 or 405, and that is no fault of the network."""
    with nginx(tmp_path, change={"dav_methods PUT": "dav_methods off", "limit_except GET": "limit_except GET PUT"}) as web:
        transport = Http(web.url, SECRET)
        with pytest.raises(Refused, match=r"40[35]"):
            put(transport, b"content")
        transport.close()


def test_connections_stay_open(web: Nginx) -> None:
    """Many requests go over one connection."""
    transport = Http(web.url, SECRET)
    for number in range(20):
        put(transport, b"x" * number, f"cas/{number:064x}")
        with transport.get(f"cas/{number:064x}") as stream:
            assert len(whole(stream)) == number
    assert sum(pool.num_connections for pool in pools(transport)) == 1
    transport.close()


def pools(transport: Http) -> list[object]:
    """Return the connection pools of a transport, which nothing else tells about."""
    held = transport._pool.pools
    return [held[key] for key in held.keys()]  # noqa: SIM118 - it is no mapping


def test_nobody_listens(tmp_path: Path) -> None:
    """A server that is not there is one that cannot be reached; the message names no secret."""
    with nginx(tmp_path) as web:
        pass
    transport = Http(web.url, SECRET)
    with pytest.raises(Unavailable, match="refused") as caught:
        transport.exists(NAME)
    assert "sesame" not in str(caught.value)


def test_redirects_keep_the_secret(tmp_path: Path) -> None:
    """A redirect is followed, but to another server without the password."""
    with nginx(tmp_path / "far", change={"limit_except GET": "limit_except DELETE"}) as far:
        add = f"server {{ listen 127.0.0.1:%d; location / {{ return 302 {far.url}$request_uri; }} }}"
        port = free_port()
        with nginx(tmp_path / "near", more=add % port):
            transport = Http(f"http://127.0.0.1:{port}", SECRET)
            with pytest.raises(Refused, match="401"):
                transport.exists(NAME)
            transport.close()


def test_a_redirect_to_anywhere_else(tmp_path: Path) -> None:
    """A redirect that leaves HTTP, or leads round in circles, is refused."""
    first, second = free_port(), free_port()
    more = (
        f"server {{ listen 127.0.0.1:{first}; location / {{ return 302 file:///etc/passwd; }} }}"
        f"server {{ listen 127.0.0.1:{second}; location / {{ return 302 /again; }} }}"
    )
    with nginx(tmp_path, more=more):
        for port in (first, second):
            transport = Http(f"http://127.0.0.1:{port}")
            with pytest.raises(Refused, match="redirects"):
                transport.exists(NAME)
            transport.close()


def test_misses_keep_the_connection(web: Nginx) -> None:
    """A lookup that finds nothing costs no new connection: most lookups of a first build do."""
    transport = Http(web.url)
    for _ in range(5):
        with pytest.raises(Missing), transport.get(NAME):
            pass
        assert not transport.exists(NAME)
    assert sum(pool.num_connections for pool in pools(transport)) == 1
    transport.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate for 127.0.0.1 that no system trusts, and its key beside it."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=cache -addext subjectAltName=IP:127.0.0.1"
    made = tmp_path / "cache.pem"
    subprocess.run(
        [program("openssl"), *words.split(), "-keyout", str(tmp_path / "cache.key"), "-out", str(made)], check=True, capture_output=True
    )
    return made


def test_certificates_are_checked(tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose certificate nobody vouches for is not talked to; one whose authority is named is."""
    files = f"ssl_certificate {certificate}; ssl_certificate_key {certificate.with_suffix('.key')};"
    with nginx(tmp_path / "nginx", change={"sendfile on;": f"sendfile on; {files}"}, flags="ssl") as web:
        url = web.url.replace("http:", "https:")
        with pytest.raises(Unavailable, match="certificate verify failed"):
            Http(url, SECRET).exists(NAME)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        transport = Http(url, SECRET)
        put(transport, b"over TLS")
        with transport.get(NAME) as stream:
            assert whole(stream) == b"over TLS"
        transport.close()
