"""Reads a page as a browser's parser does, as far as the tests need it."""

from html.parser import HTMLParser

VOID = {"meta", "input", "link", "br", "img", "wbr", "hr"}


class Page(HTMLParser):
    """What is on a page.

    Attributes:
        links: All `href`, in order.
        ids: All `id`.
        text: The text, scripts and styles left out.
        tags: Every opened tag with its attributes.
        unbalanced: Tags that were closed without being open, or never closed.
    """

    def __init__(self, html: str) -> None:
        """Read *html*."""
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        found = dict(attrs)
        self.tags.append((tag, found))
        self.links += [value for name, value in attrs if name == "href" and value]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself (SVG)."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a tag."""
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        """Collect text."""
        if not self._open or self._open[-1] not in {"script", "style"}:
            self.text += data
