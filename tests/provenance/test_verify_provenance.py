"""`doit verify-provenance`: a chain from an artifact to its sources, each link ok, changed, refused or unknown."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_project import Project

from net2bit.graph.place import statement_path
from net2bit.provenance.envelope import Trust, seal, unseal
from net2bit.provenance.keys import VARIABLE, generate, load_signer


@pytest.fixture
def project(signed_tree: Path, tmp_path: Path) -> Project:
    """Return a project that was built and signed, with its key pair beside it."""
    shutil.copytree(signed_tree, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Project.at(tmp_path / "project")


def _key(project: Project) -> str:
    return f"--key={project.folder.parent / 'ci.key.pub'}"


def _verify(project: Project, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit status, and for each artifact's file name what was found: what -> (state, detail)."""
    done = project.run("verify-provenance", "--json", _key(project), *words)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["holds"] == (done.returncode == 0)
    checks = {
        Path(one["path"]).name: {check["what"]: (check["state"], check["detail"]) for check in one["checks"]} for one in found["artifacts"]
    }
    return done.returncode, checks


def _write(path: Path, content: str) -> None:
    path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o200)
    path.unlink()
    path.write_text(content)


def test_built_tree_holds(project: Project) -> None:
    """Every link from the artifact to its first stage holds, and everything is signed."""
    status, checks = _verify(project, "--signed", "--strict", "third.txt")
    assert status == 0
    assert list(checks) == ["third.txt", "second.txt", "first.txt"]
    assert {state for one in checks.values() for state, _ in one.values()} == {"ok"}
    assert checks["third.txt"].keys() == {"signature", "key", "content", "code", "tools", "input"}


@pytest.mark.parametrize("how", ["path", "absolute", "dist", "copy", "copy without dot", "word"])
def test_artifact_is_found(project: Project, tmp_path: Path, how: str) -> None:
    """An artifact is named by its path, by a link, as a copy with its statement, or as targets are named."""
    path = project.file("third.txt")
    if how.startswith("copy"):
        copied = shutil.copy(path, tmp_path / "anything")
        beside = tmp_path / (".anything.intoto.json" if how == "copy" else "anything.intoto.json")
        shutil.copy(statement_path(path), beside)
    names = {"path": os.path.relpath(path, project.folder), "absolute": str(path), "dist": "dist/default/third.txt", "word": "third"}
    status, checks = _verify(project, names[how] if how in names else str(copied))
    assert status == 0
    assert len(checks) == 3


def _edit(name: str, content: str) -> Callable[[Project], None]:
    return lambda project: _write(project.file(name), content)


def _edit_code(project: Project) -> None:
    module = project.folder / "chain.py"
    module.write_text(module.read_text().replace(".upper()", ".lower()"))


def _drop_input(project: Project) -> None:
    shutil.rmtree(project.file("second.txt").parent)


def _drop_statement(name: str) -> Callable[[Project], None]:
    return lambda project: statement_path(project.file(name)).unlink()


def _edit_statement(project: Project) -> None:
    path = statement_path(project.file("third.txt"))
    found = json.loads(path.read_text())
    found["payload"] = found["payload"][:-8] + "AAAA" + found["payload"][-4:]
    path.write_text(json.dumps(found))


def _sign_again(project: Project) -> None:
    other = generate(project.folder.parent / "other.key")
    path = statement_path(project.file("second.txt"))
    document = unseal(path.read_bytes(), Trust("off")).document
    path.write_bytes(seal(document, load_signer(str(project.folder.parent / "other.key"))))
    assert other.name == "other"


def _unsign(project: Project) -> None:
    path = statement_path(project.file("second.txt"))
    path.write_bytes(seal(unseal(path.read_bytes(), Trust("off")).document, None))


@pytest.mark.parametrize(
    ("change", "artifact", "what", "state"),
    [
        (_edit("third.txt", "SEED 9"), "third.txt", "content", "changed"),
        (_edit("second.txt", "SEED 9"), "third.txt", "input", "changed"),
        (_edit("first.txt", "seed 9"), "second.txt", "input", "changed"),
        (_edit_code, "third.txt", "code", "changed"),
        (_drop_input, "third.txt", "input", "unknown"),
        (_drop_statement("third.txt"), "third.txt", "statement", "refused"),
        (_drop_statement("second.txt"), "second.txt", "statement", "refused"),
        (_edit_statement, "third.txt", "signature", "refused"),
        (_sign_again, "second.txt", "signature", "refused"),
        (_unsign, "second.txt", "signature", "refused"),
    ],
)
def test_what_does_not_hold_is_named(project: Project, change: Callable[[Project], None], artifact: str, what: str, state: str) -> None:
    """Whatever was edited, removed or signed by others shows where it is; the exit status is 1, or 0 where nobody can tell."""
    change(project)
    status, checks = _verify(project, "--signed", str(project.file("third.txt")))
    assert checks[artifact][what][0] == state
    assert status == (0 if state == "unknown" else 1)


def test_what_nobody_can_tell_fails_where_that_is_asked_for(project: Project) -> None:
    """With --strict a missing input is a failure; with --shallow it is not looked for."""
    _drop_input(project)
    path = str(project.file("third.txt"))
    assert _verify(project, "--strict", path)[0] == 1
    status, checks = _verify(project, "--strict", "--shallow", path)
    assert (status, list(checks)) == (0, ["third.txt"])


def test_key_that_nobody_trusts_is_no_proof(project: Project) -> None:
    """Without a list of keys a signature is neither right nor wrong, unless it is asked for; with a list of other keys it is refused."""
    path = str(project.file("third.txt"))
    done = project.run("verify-provenance", "--shallow", path)
    assert done.returncode == 0
    assert "no key is trusted here" in done.stdout
    assert project.run("verify-provenance", "--shallow", "--signed", path).returncode == 1
    other = generate(project.folder.parent / "other.key")
    done = project.run("verify-provenance", "--shallow", "--key", other.line, path)
    assert done.returncode == 1
    assert "of no trusted key" in done.stdout


def test_file_that_was_named_needs_a_statement(project: Project) -> None:
    """Where nothing is said about the file itself, nothing holds; about what it was made from, nobody can tell."""
    _drop_statement("second.txt")(project)
    assert project.run("verify-provenance", str(project.file("third.txt"))).returncode == 0
    for path in (str(project.file("second.txt")), "."):
        done = project.run("verify-provenance", path)
        assert done.returncode == 1
        assert "there is none beside it" in done.stdout


def test_text_for_people(project: Project) -> None:
    """The account names the artifact, its signer, and ends with the verdict."""
    done = project.run("verify-provenance", _key(project), "third.txt")
    assert "third.txt  signed by ci" in done.stdout
    assert done.stdout.splitlines()[-1] == "3 artifacts: 17 ok; it holds"


def test_statement_of_a_stranger_moves_no_cursor(project: Project) -> None:
    """What a stranger wrote into a statement reaches the terminal without control characters."""
    path = statement_path(project.file("third.txt"))
    found = json.loads(path.read_text())
    found["signatures"][0]["keyid"] = "\x1b[2J\x1b]0;evil\x07"
    path.write_text(json.dumps(found))
    done = project.run("verify-provenance", "--shallow", str(project.file("third.txt")))
    assert "\x1b" not in done.stdout
    assert "evil" in done.stdout


def test_mistakes_are_messages(project: Project) -> None:
    """No file, an unknown word, a key that is none: a message each, no traceback."""
    for words, text in (
        ((), "no file is named"),
        (("thrid.txt",), "did you mean: third.txt"),
        (("--key", "nonsense", "third.txt"), "neither a public key"),
    ):
        done = project.run("verify-provenance", *words)
        assert done.returncode == 3
        assert text in done.stderr
        assert "Traceback" not in done.stderr


def test_restored_artifact_keeps_its_provenance(project: Project) -> None:
    """What comes out of the local cache, or from another place of the tree, has the statement of the build that made it."""
    before = statement_path(project.file("third.txt")).read_bytes()
    assert project.run("clean").returncode == 0
    assert not (project.folder / "build/third.txt").exists()
    assert "3 from cache" in project.run().stdout
    assert statement_path(project.file("third.txt")).read_bytes() == before
    assert _verify(project, "--signed", "third.txt")[0] == 0


def test_signing_key_that_is_none_stops_before_the_work(project: Project) -> None:
    """A build that should sign and cannot is told so before anything runs."""
    done = project.run("dataset.synth.seed=3", **{VARIABLE: str(project.folder / "absent")})
    assert done.returncode != 0
    assert "signing key cannot be read" in done.stdout + done.stderr
    assert len(list(project.folder.glob("build/first.txt/*/first.txt"))) == 1


def test_no_secret_and_no_place_of_the_machine_is_written(project: Project) -> None:
    """Statements, manifests and records hold neither the key nor the project's own path on this machine."""
    private = (project.folder.parent / "ci.key").read_text().splitlines()[1]
    for path in [
        *project.folder.glob("build/**/.*.intoto.json"),
        *project.folder.glob("cache/**/*"),
        *project.folder.glob(".net2bit/**/*"),
    ]:
        if path.is_file():
            content = path.read_bytes()
            assert private.encode() not in content
            if path.name.endswith(".intoto.json"):
                text = json.dumps(unseal(content, Trust("off")).document)
                assert str(project.folder) not in text
                assert os.environ.get("USER", "root") not in text or os.environ.get("USER", "root") == "root"


def test_null_build_knows_nothing_of_it(project: Project) -> None:
    """A build with nothing to do reads no statement: removing them all changes nothing."""
    for path in project.folder.glob("build/**/.*.intoto.json"):
        path.unlink()
    done = project.run()
    assert "3 up to date" in done.stdout
    assert not list(project.folder.glob("build/**/.*.intoto.json"))
