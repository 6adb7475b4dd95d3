"""What no template may do, wherever it stands."""

import re

from django.conf import settings

BARE_KEY = re.compile(r"{{\s*(?:[\w.]*\.pk|(?!(?:[\w.]*\.)?(?:external|auto)_id)[\w.]*_id)\s*}}")


def test_no_template_writes_a_key_with_thousands_separators() -> None:
    """A bare {{ row.pk }} becomes 1,234: a form would send back, or a link lead to, a row that is not there."""
    assert BARE_KEY.search("{{ tip.rule_id }}") and BARE_KEY.search("{{ lead.pk }}")
    assert not BARE_KEY.search("{{ lead.external_id }}") and not BARE_KEY.search('{{ lead.pk|stringformat:"d" }}')
    templates = settings.BASE_DIR / "templates"
    found = [
        str(file.relative_to(templates)) for file in templates.rglob("*.html") if BARE_KEY.search(file.read_text())
    ]
    assert found == []
