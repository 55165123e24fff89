"""The commands that the documentation shows are run, and print what it shows."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_blocks import MarkerError, blocks
from doc_output import agrees, expected_status
from doc_shell import ROOT, Page

PAGES = sorted(
    ["README.md", *(str(path.relative_to(ROOT)) for part in ("tutorial", "how-to") for path in (ROOT / "docs" / part).glob("*.md"))]
)


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Page]:
    """Yield a copy of the project; what runs in it at the end is ended."""
    page = Page(tmp_path)
    yield page
    page.close()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", PAGES)
def test_fast_commands(name: str, copy: Page) -> None:
    """Every fast command of a page does what the page says; every fence says whether it is run."""
    found = [block for block in blocks(ROOT / name) if block.run == "fast"]
    for block in found:
        copy.run(block, name)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", PAGES)
def test_all_commands(name: str, copy: Page) -> None:
    """All commands of a page, the slow ones too, do what the page says, in their order."""
    found = [block for block in blocks(ROOT / name) if block.run != "no"]
    for block in found if any(block.run == "slow" for block in found) else ():
        copy.run(block, name)


def page_of(folder: Path, text: str) -> Path:
    """Return a page with *text*."""
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nls\n```",
        "<!-- run: fast -->\n\nwords\n\n```console\n$ ls\n```",
        "<!-- run: no -->\n```sh\nls\n```",
        "<!-- run: fast; when: ever -->\n```sh\n```",
    ],
)
def test_silent_fence_is_refused(text: str, tmp_path: Path) -> None:
    """A fence that says nothing, or too little, about being run is named."""
    with pytest.raises(MarkerError, match=r"page.md:\d"):
        blocks(page_of(tmp_path, text))


def test_commands_of_a_page_are_read(tmp_path: Path) -> None:
    """Console fences are split into commands with their output; hidden commands and options belong to the page; other fences do not."""
    text = """<!-- hidden: fast
touch file
-->
```python
1 + 1
```
<!-- run: slow; with: experiment=quick; needs: nginx sshd -->
```console
$ ls \\
> -l
total 0
$ pwd
```
"""
    hidden, console = blocks(page_of(tmp_path, text))
    assert [command.text for command in hidden.commands] == ["touch file"]
    assert console.options == {"with": "experiment=quick", "needs": "nginx sshd"}
    assert [(command.text, command.printed) for command in console.commands] == [("ls \\\n-l", ("total 0",)), ("pwd", None)]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a   b", "…", "z"], "a b\nc\nd\nz\n", True),
        (["a …, 0.1 s"], "a long way, 3 min 05 s\n", True),
        (["a"], "a\nb\n", False),
        (["a", "…"], "b\n", False),
        (["1.2 MB"], "1.3 MB\n", False),
        ([], "whatever\n", True),
        (["[status 2]"], "whatever\n", True),
    ],
)
def test_output_is_compared(shown: list[str], printed: str, *, same: bool) -> None:
    """Words must agree, dots stand for anything, durations for one another."""
    assert agrees(shown, printed) is same


def test_status_is_what_the_page_says() -> None:
    """Commands succeed, unless their page shows an error or a status."""
    assert expected_status([]) == expected_status(["a"]) == 0
    assert expected_status(["a", "[status 3]"]) == 3
    assert expected_status(["ERROR: no"]) is None


def test_blocks_share_a_shell(copy: Page, tmp_path: Path) -> None:
    """Variables and folder go from block to block, words are appended, texts replaced, and what runs on is ended."""
    text = """<!-- hidden: fast
export COLOUR=red
echo "https://cache.example.org $COLOUR" >>"$DOCS_REPLACE"
mkdir -p sub
cd sub
sleep 1000 &
-->
<!-- run: fast; with: flow=hardware -->
```console
$ basename "$PWD"; echo https://cache.example.org $COLOUR "$DOCS_WORDS"
sub
red red flow=hardware
$ exit 3
[status 3]
```
"""
    for block in blocks(page_of(tmp_path, text)):
        copy.run(block, "page.md")
    copy.close()
    mark = f"DOCS_STATE={copy.state}".encode()
    end = time.monotonic() + 60
    while any(mark in _environ(path) and not _zombie(path) for path in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < end, "what runs on is ended"
        time.sleep(0.05)  # it was killed; the kernel takes its time


def _environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def _zombie(process: Path) -> bool:
    try:
        return "\nState:\tZ" in (process / "status").read_text(encoding="utf-8")
    except OSError:  # it has just gone
        return True
