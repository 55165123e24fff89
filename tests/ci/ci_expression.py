"""GitHub's expressions, as far as the project's workflows use them: names, texts, ==, !=, &&, ||, !, brackets, always()."""

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>==|!=|&&|\|\||[!()]))")
_EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


class Expression:
    """One expression over the contexts `inputs`, `steps`, `github`, `secrets`, … (nested mappings of texts)."""

    def __init__(self, text: str, contexts: Mapping[str, Any], *, success: bool = True) -> None:
        """Take the expression apart; *success* is whether all steps so far did well."""
        self._tokens = list(_TOKEN.finditer(text.strip()))
        assert "".join(found[0] for found in self._tokens) == text.strip(), f"not an expression of this subset: {text}"
        self._contexts, self._success, self._at = contexts, success, 0

    def value(self) -> Any:
        """Return what the expression comes to."""
        found = self._either()
        assert self._at == len(self._tokens)
        return found

    def _next(self, *signs: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at]["sign"] in signs:
            self._at += 1
            return self._tokens[self._at - 1]["sign"] or ""
        return ""

    def _either(self) -> Any:
        found = self._both()
        while self._next("||"):
            other = self._both()
            found = found or other
        return found

    def _both(self) -> Any:
        found = self._equal()
        while self._next("&&"):
            other = self._equal()
            found = found and other
        return found

    def _equal(self) -> Any:
        found = self._one()
        while sign := self._next("==", "!="):
            found = (str(found).lower() == str(self._one()).lower()) is (sign == "==")
        return found

    def _one(self) -> Any:
        if self._next("!"):
            return not self._one()
        if self._next("("):
            found = self._either()
            assert self._next(")")
            return found
        token = self._tokens[self._at]
        self._at += 1
        if token["text"]:
            return token["text"][1:-1].replace("''", "'")
        if self._next("("):
            assert self._next(")")
            return {"always": True, "success": self._success}[token["name"]]
        return self._look(token["name"])

    def _look(self, name: str) -> Any:
        found: Any = self._contexts
        for part in name.split("."):
            found = found.get(part, "") if isinstance(found, Mapping) else ""
        return found


def wanted(condition: str | None, contexts: Mapping[str, Any], *, success: bool) -> bool:
    """Return whether a step with this `if` is run."""
    text = str(condition or "success()")
    found = bool(Expression(text, contexts, success=success).value())
    return found and (success or "always()" in text)


def filled(template: Any, contexts: Mapping[str, Any]) -> str:
    """Return a text with every `${{ }}` in its place."""
    return _EMBEDDED.sub(lambda found: str(Expression(found[1], contexts).value()), str(template))
