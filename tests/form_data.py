"""What a browser would send of a page's form: every input, text area and select as it stands in the HTML."""

from html.parser import HTMLParser
from typing import Any


class _Inputs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, Any] = {}  # a list where several values have one name
        self._select: str | None = None
        self._several = False
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        name = found.get("name")
        if tag == "input" and name:
            if found.get("type") in ("submit", "button") or (
                found.get("type") in ("checkbox", "radio") and "checked" not in found
            ):
                return
            value = found.get("value") or ("on" if found.get("type") == "checkbox" else "")
            if found.get("type") == "checkbox" and name in self.data:
                before = self.data[name]
                self.data[name] = [*(before if isinstance(before, list) else [before]), value]
            else:
                self.data[name] = value
        elif tag == "select" and name:
            self._select, self._several = name, "multiple" in found
        elif tag == "option" and self._select:
            if self._several:
                if "selected" in found:
                    self.data.setdefault(self._select, []).append(found.get("value") or "")
            elif "selected" in found or self._select not in self.data:
                self.data[self._select] = found.get("value") or ""
        elif tag == "textarea" and name:
            self._textarea = name
            self.data[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._textarea = None

    def handle_data(self, text: str) -> None:
        if self._textarea:
            self.data[self._textarea] += text


def form_data(html: str) -> dict[str, str]:
    """The page's inputs by name; the token and templates of rows to be added are left out."""
    inputs = _Inputs()
    inputs.feed(html)
    left_out = ("__prefix__", "csrfmiddlewaretoken")
    return {name: value for name, value in inputs.data.items() if not any(part in name for part in left_out)}
