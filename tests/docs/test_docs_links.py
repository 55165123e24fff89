"""The links of the documentation lead somewhere."""

import re
from pathlib import Path

import pytest
from doc_shell import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^()\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    """Every relative link of a page names a file or folder of the project."""
    links = [link.partition("#")[0] for link in _LINK.findall(page.read_text(encoding="utf-8"))]
    lost = [link for link in links if link and "://" not in link and not (page.parent / link).exists()]
    assert not lost


@pytest.mark.parametrize("folder", ["decisions", "how-to"])
def test_every_page_is_listed(folder: str) -> None:
    """Each page of a folder is linked from the folder's index."""
    index = (ROOT / "docs" / folder / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs" / folder).glob("*.md")} - {"README.md"}
    assert pages <= set(_LINK.findall(index))
