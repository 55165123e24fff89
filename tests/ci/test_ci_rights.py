"""What a run may do, what its caches are called, and which words it builds."""

import json
from pathlib import Path

import pytest

from net2bit.ci.event import Event, rights
from net2bit.ci.names import names
from net2bit.ci.output import hand_on
from net2bit.ci.words import Remote, completed, listed
from net2bit.errors import ConfigError

OWN = "owner/project"


def event(name: str = "push", head: str = OWN, base: str = "", actor: str = "someone", *, guarded: bool = True) -> Event:
    """Return an event of the repository."""
    return Event(name, OWN, head, "refs/heads/topic", base, guarded, actor)


@pytest.mark.parametrize(
    ("what", "save", "publish"),
    [
        (event(), True, True),
        (event("schedule"), True, True),
        (event(guarded=False), True, False),
        (event("pull_request", base="main"), True, False),
        (event("pull_request", base="main", guarded=False), True, False),
        (event("pull_request", head="stranger/project"), False, False),
        (event("pull_request", head=""), False, False),
        (event("pull_request", actor="dependabot[bot]"), False, False),
        (event("pull_request_target"), False, False),
        (event("workflow_run"), False, False),
        (event("issue_comment"), False, False),
        (event(""), False, False),
    ],
)
def test_rights_follow_the_event(what: Event, *, save: bool, publish: bool) -> None:
    """Only a protected branch publishes, and whatever may carry a stranger's code writes nothing at all."""
    may = rights(what)
    assert (may.save, may.publish) == (save, publish)
    assert may.why


@pytest.mark.parametrize("payload", ["", "{", "[]", '{"pull_request": {"head": {"repo": null}}}', '{"pull_request": 7}'])
def test_what_github_does_not_say_is_a_stranger(payload: str, tmp_path: Path) -> None:
    """An event file that is damaged, or silent (a fork that was deleted), gives no right."""
    path = tmp_path / "event.json"
    path.write_text(payload, encoding="utf-8")
    seen = Event.of({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REPOSITORY": OWN, "GITHUB_EVENT_PATH": str(path)})
    assert not rights(seen).save


def test_default_branch_is_guarded(tmp_path: Path) -> None:
    """A push to the default branch publishes, also where no rule protects it; one to another branch only with a rule."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"repository": {"default_branch": "trunk"}}), encoding="utf-8")
    seen = {"GITHUB_EVENT_NAME": "push", "GITHUB_REPOSITORY": OWN, "GITHUB_EVENT_PATH": str(path)}
    assert rights(Event.of(seen | {"GITHUB_REF": "refs/heads/trunk"})).publish
    assert not rights(Event.of(seen | {"GITHUB_REF": "refs/heads/other"})).publish
    assert rights(Event.of(seen | {"GITHUB_REF": "refs/heads/other", "GITHUB_REF_PROTECTED": "true"})).publish


def test_names_of_caches_hold_no_name_of_a_branch() -> None:
    """Branches and words may hold commas, blanks and slashes; the names of caches may not, and other words have other names."""
    environ = {"GITHUB_RUN_ID": "5", "GITHUB_RUN_ATTEMPT": "2", "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64"}
    ugly = Event("push", OWN, OWN, "refs/heads/a, b\n/c", "", guarded=True, actor="")
    one = names(ugly, environ, "hard, ware", "f" * 64, ["dpu=b512"])
    for name in (one.results, *one.near, one.figures, *one.base):
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-"), name
    assert one.results.startswith(one.near[0])
    assert one.near[0].startswith(one.near[1])
    assert one.figures.startswith(one.base[0])
    assert names(ugly, environ, "hard, ware", "f" * 64, ["dpu=b1152"]).figures != one.figures


def test_pull_request_looks_at_the_base() -> None:
    """A pull request compares with the branch it goes into, and keeps its own figures apart."""
    environ = {"GITHUB_RUN_ID": "5"}
    pull = names(event("pull_request", base="main"), environ, "", "0", [])
    push = names(Event("push", OWN, OWN, "refs/heads/main", "", guarded=True, actor=""), environ, "", "0", [])
    assert push.figures.startswith(pull.base[0])
    assert not pull.figures.startswith(pull.base[0])
    assert pull.against == push.against == "main"


def test_rights_have_the_last_word() -> None:
    """Words say what they like about the cache: the mode that the rights allow comes after them; the size before, as a default."""
    words = completed(
        ["cache.remote.mode=readwrite", "dpu=b512"],
        "2GB",
        Remote("https://a.example/x?y='z'", "off", "k:1 2\n\nm:3"),
        rights(event("", "")),
    )
    assert words[0] == "cache.size='2GB'"
    assert words[-1] == "cache.remote.mode=read"
    assert "cache.remote.keys=['k:1 2','m:3']" in words
    from hydra.core.override_parser.overrides_parser import OverridesParser  # noqa: PLC0415 - slow to import

    url = OverridesParser.create().parse_override(next(word for word in words if word.startswith("cache.remote.url")))
    assert url.value() == "https://a.example/x?y='z'"


def test_options_are_no_words() -> None:
    """A word that begins with a dash would be an option of doit: it is refused with the remedy."""
    assert listed("a=1\n\n  b=$(c) d  \n") == ["a=1", "b=$(c) d"]
    with pytest.raises(ConfigError, match="is an option"):
        listed("a=1\n--db-file=x")


def test_outputs_cannot_pose_as_others(tmp_path: Path) -> None:
    """A value with line ends stays one value, whatever it holds."""
    from ci_github import outputs_of  # noqa: PLC0415 - the reader that GitHub has

    path = tmp_path / "output"
    values = {"a": "1\nb=2\nb<<EOF\n3\nEOF", "b": "4"}
    hand_on(str(path), values)
    assert outputs_of(path.read_text(encoding="utf-8")) == values
    hand_on("", values)
