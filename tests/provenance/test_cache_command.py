"""`doit cache`: names that are the same on every machine, results moved by hand, keys and trust."""

import json
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cache_servers import SECRET, Nginx, nginx
from small_project import Project

from net2bit.cache.settings import AUTH
from net2bit.provenance.keys import VARIABLE


def _project(folder: Path) -> Project:
    folder.mkdir(parents=True)
    return Project(folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a fresh project."""
    return _project(tmp_path / "project")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Nginx]:
    """Run a web server for a shared cache."""
    with nginx(tmp_path / "nginx") as server:
        yield server


def _rows(project: Project, *words: str) -> list[list[str]]:
    done = project.run("cache", "keys", *words)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_keys_before_and_after_a_build(project: Project) -> None:
    """The deep keys of a fresh clone are those of the built tree; stage keys join them as soon as they are known."""
    before = _rows(project)
    assert [row[2] for row in before] == ["first.txt", "second.txt", "third.txt"]
    assert all(re.fullmatch("[0-9a-f]{64}", row[0]) for row in before)
    assert [row[1] == "-" for row in before] == [False, True, True]
    project.run()
    after = _rows(project)
    assert [row[0] for row in after] == [row[0] for row in before]
    assert all(re.fullmatch("[0-9a-f]{64}", row[1]) for row in after)
    assert [row[3].split("/")[0] for row in after] == ["build"] * 3
    with_manifest = json.loads((project.file("third.txt").parent / ".third.txt.manifest.json").read_text())
    assert after[2][1] == with_manifest["key"]


def _named(project: Project, *words: str, **environ: str) -> dict[str, Any]:
    done = project.run("cache", "keys", "--json", *words, **environ)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_keys_are_those_of_every_machine(project: Project, tmp_path: Path) -> None:
    """Another path, other times, another cache and user: the same keys and the same hash; another seed: others."""
    other = _project(tmp_path / "elsewhere" / "deeper")
    for path in other.folder.rglob("*"):
        if path.is_file():
            path.touch()
    mine = _named(project)
    assert mine == _named(other, HOME=str(tmp_path), USER="somebody", LANG="de_DE.UTF-8", TZ="Asia/Tokyo", PYTHONHASHSEED="7")
    assert str(tmp_path) not in json.dumps(mine)
    seeded = _named(project, "dataset.synth.seed=8")
    assert seeded["hash"] != mine["hash"]
    assert all(now["deep"] != then["deep"] for now, then in zip(seeded["stages"], mine["stages"], strict=True))


def test_keys_of_a_flow_and_of_a_word(project: Project) -> None:
    """--stage takes a word of the plan or the name of a flow, before or behind the verb; --hash prints the one hash alone."""
    assert [row[2] for row in _rows(project, "--stage", "second")] == ["first.txt", "second.txt"]
    found = _named(project, "--stage=chain")
    assert [one["stage"] for one in found["stages"]] == ["first.txt", "second.txt", "third.txt"]
    assert _rows(project, "third.txt", "--hash") == [[found["hash"]]]
    done = project.run("cache", "keys", "--stage", "chian")
    assert done.returncode == 3
    assert "did you mean: chain" in done.stderr


def test_keys_change_with_the_code(project: Project) -> None:
    """An edited stage has another deep key, and so has what follows; a comment changes nothing."""
    before = _rows(project)
    module = project.folder / "chain.py"
    module.write_text(module.read_text() + "\n# a comment\n")
    assert _rows(project) == before
    module.write_text(module.read_text().replace("SEED", "seed").replace('f"seed', 'f"Seed'))
    assert all(now[0] != then[0] for now, then in zip(_rows(project), before, strict=True))


def test_keygen(project: Project) -> None:
    """A key is made for its owner alone, named, printed as a line, and never overwritten; no plan is needed for it."""
    (project.folder / "dodo.py").write_text("raise SystemExit(9)\n")
    done = project.run("cache", "keygen", "ci.key", "--name", "the-runner")
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[0]
    assert line == (project.folder / "ci.key.pub").read_text().strip()
    assert line.startswith("the-runner:")
    assert stat.S_IMODE((project.folder / "ci.key").stat().st_mode) == 0o600
    again = project.run("cache", "keygen", "ci.key")
    assert again.returncode == 3
    assert "never overwritten" in again.stderr


def test_trust_is_shown(project: Project) -> None:
    """Mode, trusted keys with fingerprints, and whether the key that signs here is one of them."""
    project.run("cache", "keygen", "ci.key")
    project.run("cache", "keygen", "other.key")
    done = project.run("cache", "trust", "cache.remote.keys=[ci.key.pub]", **{VARIABLE: "other.key"})
    assert re.search(r"mode +required", done.stdout)
    assert re.search(r"trusted +ci +SHA256:", done.stdout)
    assert "not among the trusted keys" in done.stdout
    assert "(trusted)" in project.run("cache", "trust", "cache.remote.keys=[ci.key.pub]", **{VARIABLE: "ci.key"}).stdout


def test_pushed_and_pulled(project: Project, web: Nginx, tmp_path: Path) -> None:
    """What one machine sends by hand, signed with a key it got after the build, another restores without running anything."""
    assert project.run().returncode == 0
    project.run("cache", "keygen", "ci.key")
    remote = [f"cache.remote.url={web.url}", "cache.remote.keys=[ci.key.pub]"]
    done = project.run("cache", "push", *remote, "cache.remote.mode=readwrite", **{VARIABLE: "ci.key", AUTH: SECRET})
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("sent 3 results") == 1
    assert done.stdout.splitlines()[-1] == "3 sent"
    assert len(web.names("ac")) == 3
    other = _project(tmp_path / "other")
    shutil.copy(project.folder / "ci.key.pub", other.folder)
    done = other.run("cache", "pull", *remote)
    assert done.stdout.splitlines()[-1] == "3 restored", done.stderr
    assert other.file("third.txt").read_bytes() == project.file("third.txt").read_bytes()
    assert (other.folder / "dist/default/third.txt").is_file()
    assert other.run("verify-provenance", "--signed", "--strict", *remote, "third.txt").returncode == 0
    assert other.run("cache", "pull", *remote).stdout.splitlines()[-1] == "3 up to date"


def test_push_with_a_key_replaces_what_was_sent_without(project: Project, web: Nginx, tmp_path: Path) -> None:
    """A shared cache that was filled before there were keys is signed by pushing again; pushing without the key takes no signature off."""
    project.run()
    project.run("cache", "keygen", "ci.key")
    remote = [f"cache.remote.url={web.url}", "cache.remote.mode=readwrite", "cache.remote.trust=off"]
    for key, told in (("", "3 sent"), ("ci.key", "3 sent"), ("", "3 already there")):
        assert project.run("cache", "push", *remote, **{VARIABLE: key, AUTH: SECRET}).stdout.splitlines()[-1] == told
    other = _project(tmp_path / "other")
    shutil.copy(project.folder / "ci.key.pub", other.folder)
    done = other.run("cache", "pull", f"cache.remote.url={web.url}", "cache.remote.keys=[ci.key.pub]")
    assert done.stdout.splitlines()[-1] == "3 restored", done.stderr


@pytest.mark.parametrize("key", ["ci.key", ""], ids=["signed", "unsigned"])
def test_push_again_sends_what_is_missing(project: Project, web: Nginx, key: str) -> None:
    """What the server has already is called so, signed or not, and nothing of it moves; an entry that is gone is sent again."""
    project.run()
    project.run("cache", "keygen", "ci.key")
    remote = [f"cache.remote.url={web.url}", "cache.remote.mode=readwrite", "cache.remote.trust=off"]
    environ = {VARIABLE: key, AUTH: SECRET}
    project.run("cache", "push", *remote, **environ)
    entries = sorted((web.files / "ac").iterdir())
    stood = [path.stat().st_mtime_ns for path in entries]
    done = project.run("cache", "push", *remote, **environ)
    assert re.findall(r"(?m)^already there +(.*)$", done.stdout) == ["first.txt", "second.txt", "third.txt"]
    assert "sent" not in done.stdout + done.stderr
    assert [path.stat().st_mtime_ns for path in entries] == stood
    entries[0].unlink()
    done = project.run("cache", "push", *remote, **environ)
    assert sorted(done.stdout.splitlines()[-1].split(", ")) == ["1 sent", "2 already there"]
    assert entries[0].exists()


def test_nobody_signs_for_what_he_did_not_make(project: Project, web: Nginx, tmp_path: Path) -> None:
    """A result that came unsigned from the local cache is not signed by who sends it; what is made here afterwards still is sent."""
    assert project.run().returncode == 0
    other = _project(tmp_path / "other")
    shared = {"NET2BIT_CACHE_DIR": str(project.folder / "cache"), VARIABLE: "ci.key", AUTH: SECRET}
    other.run("cache", "keygen", "ci.key")
    remote = [f"cache.remote.url={web.url}", "cache.remote.keys=[ci.key.pub]", "cache.remote.mode=readwrite"]
    done = other.run(*remote, "verify.max_drop=0.7", **shared)
    assert done.returncode == 0, done.stdout
    assert (done.stdout + done.stderr).count("nobody has signed is not sent") == 1
    assert len(web.names("ac")) == 1
    done = other.run("cache", "push", *remote, "verify.max_drop=0.7", **shared)
    assert len(web.names("ac")) == 1
    assert "nobody has signed is not sent" in done.stderr
    assert sorted(done.stdout.splitlines()[-1].split(", ")) == ["1 already there", "2 not sent"]


def test_pull_runs_nothing(project: Project) -> None:
    """What no cache has stays unbuilt, and that is no fault."""
    done = project.run("cache", "pull", "third.txt")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "3 not in a cache"
    assert not list(project.folder.glob("build/first.txt"))


def test_push_says_when_it_cannot(project: Project, web: Nginx) -> None:
    """No shared cache, one that is only read, one that asks for a password: each is told; a refused push is exit status 1."""
    project.run()
    assert "there is no shared cache" in project.run("cache", "push").stderr
    remote = [f"cache.remote.url={web.url}", "cache.remote.trust=off"]
    assert "only read" in project.run("cache", "push", *remote).stderr
    done = project.run("cache", "push", *remote, "cache.remote.mode=readwrite")
    assert done.returncode == 1
    assert not web.names("ac")


def test_info(project: Project, web: Nginx) -> None:
    """Both caches, how they are used, and whether the shared one answers; never the password."""
    project.run()
    found = json.loads(
        project.run("cache", "info", "--json", f"cache.remote.url={web.url}", "cache.remote.trust=off", **{AUTH: SECRET}).stdout
    )
    assert found["local"]["results"] == 3
    assert found["remote"] == {"url": web.url, "mode": "read", "trust": "off (no key)", "signs": False, "reachable": "yes"}
    done = project.run("cache", "info", "cache.remote.url=http://127.0.0.1:9", "cache.remote.trust=off", **{AUTH: SECRET})
    assert done.returncode == 1
    assert "no: " in done.stdout
    assert SECRET.split(":")[1] not in done.stdout + done.stderr
    assert "there is no shared cache" in project.run("cache", "info").stdout


def test_key_with_a_space_in_its_name(project: Project) -> None:
    """What is printed can be pasted into a shell; a name that the shell took apart is refused."""
    assert "NET2BIT_SIGNING_KEY='a b.key' signs" in project.run("cache", "keygen", "a b.key").stdout
    done = project.run("cache", "keygen", "c", "d.key")
    assert (done.returncode, (project.folder / "c").exists()) == (3, False)
    assert "one key at a time" in done.stderr


@pytest.mark.parametrize("words", [("status", "--help"), ("flow=hardware", "cache", "-h"), ("cache", "keys", "--help")])
def test_help_of_a_command(project: Project, words: tuple[str, ...]) -> None:
    """A command with --help shows its own help."""
    done = project.run(*words)
    assert done.returncode == 0
    assert done.stdout.startswith("PURPOSE")


def test_unknown_verb(project: Project) -> None:
    """A verb that is none is a message with the near one."""
    done = project.run("cache", "kyes")
    assert done.returncode == 3
    assert "did you mean: keys" in done.stderr
    assert "say one of" in project.run("cache").stderr
