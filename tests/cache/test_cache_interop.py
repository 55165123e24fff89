"""The same nginx serves other programs that know Bazel's layout, beside net2bit's own entries."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cache_project import Tree, open_settings
from cache_servers import SECRET, Nginx, program

HELLO = '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'


def tree(web: Nginx, top: Path) -> None:
    """Send a result of net2bit's, and restore it elsewhere."""
    Tree(top / "sender", open_settings(web.url)).build()
    assert Tree(top / "reader", open_settings(web.url, mode="read")).build().how == "restored"


@pytest.mark.usefixtures("writer")
def test_ccache_shares_the_server(web: Nginx, tmp_path: Path) -> None:
    """The compiler cache stores its results on the server and takes them again from another machine, net2bit's between them untouched."""
    ccache, compiler = program("ccache"), program("gcc")
    tree(web, tmp_path)
    (tmp_path / "hello.c").write_text(HELLO)
    secret = SECRET.replace(" ", "%20")
    for machine, hits in (("first", 0), ("second", 1)):
        environ = os.environ | {
            "CCACHE_DIR": str(tmp_path / machine),
            "CCACHE_REMOTE_STORAGE": f"{web.url.replace('://', f'://{secret}@')}|layout=bazel",
            "CCACHE_CONFIGPATH": str(tmp_path / "none.conf"),
        }
        subprocess.run([ccache, compiler, "-c", "hello.c", "-o", f"{machine}.o"], cwd=tmp_path, env=environ, check=True)
        found = subprocess.run([ccache, "--print-stats"], env=environ, capture_output=True, text=True, check=True).stdout
        stats = dict(line.split("\t")[:2] for line in found.splitlines())
        assert int(stats["direct_cache_hit"]) + int(stats["preprocessed_cache_hit"]) == hits, stats
    assert len(web.names("ac")) > 1
    assert Tree(tmp_path / "after", open_settings(web.url, mode="read")).build().how == "restored"


BUILD = 'genrule(name = "hello", outs = ["hello.txt"], cmd = "echo made by bazel > $@")\n'


@pytest.mark.slow
@pytest.mark.usefixtures("writer")
def test_bazel_shares_the_server(web: Nginx, tmp_path: Path) -> None:
    """Bazel stores its results on the server and takes them again in another output base, beside net2bit's."""
    bazel = program("bazel")
    tree(web, tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "work/WORKSPACE").write_text("")
    (tmp_path / "work/BUILD").write_text(BUILD)
    cache = f"--remote_cache={web.url.replace('://', '://' + SECRET.replace(' ', '%20') + '@')}"
    for machine in ("first", "second"):
        base = [
            bazel,
            "--batch",
            f"--output_user_root={tmp_path / machine}",
            "--nohome_rc",
        ]  # the system's file says where Debian put its parts
        done = subprocess.run([*base, "build", cache, "//:hello"], cwd=tmp_path / "work", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "work/bazel-bin/hello.txt").read_text() == "made by bazel\n"
        assert ("remote cache hit" in done.stderr) == (machine == "second"), done.stderr
        shutil.rmtree(tmp_path / machine, ignore_errors=True)
    assert Tree(tmp_path / "after", open_settings(web.url, mode="read")).build().how == "restored"
