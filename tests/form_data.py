"""What a browser would send of a page's form: every input, text area and select as it stands in the HTML."""

from html.parser import HTMLParser


class _Inputs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, str] = {}
        self._select: str | None = None
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        name = found.get("name")
        if tag == "input" and name:
            if found.get("type") in ("submit", "button") or (
                found.get("type") in ("checkbox", "radio") and "checked" not in found
            ):
                return
            self.data[name] = found.get("value") or ("on" if found.get("type") == "checkbox" else "")
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in found or self._select not in self.data:
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
