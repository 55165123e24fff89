"""What the configuration says about the shared cache, and what it may not say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cache_project import Tree, in_process, open_settings
from cache_servers import PROJECT, SECRET

from net2bit.cache.settings import AUTH, RemoteSettings
from net2bit.errors import ConfigError
from net2bit.graph import compose
from schemas.address import fault

GOOD = [
    "http://host",
    "https://host:8443/deep/path",
    "file:///srv/cache",
    "s3://bucket/prefix",
    "gs://bucket",
    "ssh://me@host:2222/srv/cache",
    "webdavs://host/dav",
]
BAD = [
    ("ftp://host/x", "begins with none of"),
    ("host/path", "begins with none of"),
    ("http:/host", "begins with none of"),
    ("https://ci:secret@host", "NET2BIT_CACHE_AUTH"),
    ("https://token@host", "NET2BIT_CACHE_AUTH"),
    ("ssh://me:secret@host/x", "NET2BIT_CACHE_AUTH"),
    ("https://host/x?sig=secret", "query"),
    ("https://host/x#secret", "fragment"),
    ("file://srv/cache", "file:///"),
    ("file:///", "file:///"),
    ("s3:///prefix", "bucket"),
    ("http:///path", "host"),
    ("http://host:port/", "not a URL"),
    ("ssh://host/../etc", "climbs"),
]


def composed(*words: str) -> dict[str, object]:
    """Return the composed `cache` group."""
    found: dict[str, object] = compose.compose(PROJECT / "experiments", (), words)["cache"]
    return found


@pytest.mark.parametrize("url", GOOD)
def test_places(url: str) -> None:
    """Every kind of address composes, and reaches the client as it was written."""
    cache = composed(f"cache.remote.url={url}", "cache.remote.trust=off")
    remote = cache["remote"]
    assert isinstance(remote, dict)
    assert RemoteSettings.of(remote).url == url


@pytest.mark.parametrize(("url", "why"), BAD)
def test_places_that_are_none(url: str, why: str) -> None:
    """What is no address is refused when the experiment is composed, and by the client, and no secret is repeated."""
    assert why in fault(url)
    for refuse in (lambda: composed(f"cache.remote.url='{url}'"), lambda: RemoteSettings.of({"url": url})):
        with pytest.raises(ConfigError) as caught:
            refuse()
        assert why in str(caught.value)
        assert "cache.remote.url" in str(caught.value)
        assert "secret" not in str(caught.value).replace("where secrets may hide", "")


def test_signatures_without_keys() -> None:
    """Where only signed results count and nobody is trusted, nothing could ever be taken: that is said at once, with the ways out."""
    with pytest.raises(ConfigError, match=r"cache\.remote\.keys"):
        composed("cache.remote.url=http://host")
    assert composed("cache.remote.url=http://host", "cache.remote.mode=write")
    assert composed("cache.remote.url=file:///srv/cache")


def test_unknown_settings() -> None:
    """A setting that the client does not know is named."""
    with pytest.raises(ConfigError, match="unknown: speed"):
        RemoteSettings.of({"url": "http://host", "speed": 1})


def test_the_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is not part of how settings look, and user names are not part of how a place is shown."""
    monkeypatch.setenv(AUTH, SECRET)
    settings = RemoteSettings.of({"url": "ssh://me@host:22/srv"})
    assert settings.auth == SECRET
    assert "sesame" not in repr(settings)
    assert settings.shown == "ssh://host:22/srv"


def test_it_is_no_part_of_any_key(tmp_path: Path) -> None:
    """The same stage has the same key with and without a shared cache."""
    plain = Tree(tmp_path / "a")
    shared = Tree(tmp_path / "b", open_settings(f"file://{tmp_path}/remote"))
    assert plain.key() == shared.key()


CHECK = """
import json, sys
from pathlib import Path
from net2bit.graph.kind import Op
from net2bit.graph.stage import Artifact, Stage
from net2bit.graph.store import Store
root, url = Path(sys.argv[1]), sys.argv[2]
op = Op(name="make", title="make", run="cachelib.make:run", makes=("net.bin", "pages"), needs=("seed.txt",), reads=("make",))
outputs = tuple(Artifact(kind, f"build/{kind}", "net.bin", tree) for kind, tree in (("net.bin", False), ("pages", True)))
stage = Stage("net.bin", op, json.loads(sys.argv[3]), (Artifact("seed.txt", "seed.txt"),), outputs, "0" * 64)
with Store(root, {"enabled": True, "remote": {"url": url, "mode": "readwrite"}}) as store:
    assert store.check(stage).fresh
print(json.dumps(sorted(sys.modules)))
"""


def test_a_null_build_loads_nothing_of_it(tmp_path: Path) -> None:
    """A build with nothing to do imports nothing of the shared cache, also where one is named."""
    from cache_project import stage  # noqa: PLC0415 - its configuration only

    url = f"file://{tmp_path}/remote"
    tree = Tree(tmp_path / "a", open_settings(url))
    tree.build()
    done = in_process(CHECK, str(tree.root), url, json.dumps(stage().config))
    out, err = done.communicate()
    assert done.returncode == 0, err
    loaded = set(json.loads(out))
    assert not {name for name in loaded if name.startswith(("net2bit.cache", "net2bit.provenance", "urllib3", "fsspec", "cryptography"))}


def test_the_client_loads_only_its_transport() -> None:
    """Who uses a web server pays for no other kind of place, and nobody for pydantic."""
    code = "import sys, net2bit.cache.client, net2bit.cache.http; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "hydra", "fsspec", "numpy", "rich", "s3fs", "asyncssh"} & set(loaded)
