"""The text of a mapping file: YAML in, plain dicts, lists and strings out, and back.

Scalars stay text, except null: what a cell holds is text too, so `Yes: true` in a value map means what it looks like.
"""

from typing import Any, Final

import yaml

MAX_SIZE: Final = 1_000_000  # characters
STAR: Final = 'A star alone is written "*".'
NULLS: Final = ("", "~", "null", "Null", "NULL")


class DocumentProblem(Exception):
    """The text is no mapping document. The message says where and why."""


class _Loader(yaml.SafeLoader):
    """YAML without guesses: null is null, everything else is the text that stands there."""

    yaml_implicit_resolvers = {
        letter: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1
            raise DocumentProblem(f"Line {line}: references (*name) are not read. {STAR}")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise DocumentProblem(f"Line {line}: a key must be plain text.")
            key = self.construct_object(key_node)
            if key in found:
                raise DocumentProblem(f"Line {line}: “{key}” stands there twice.")
            found[key] = self.construct_object(value_node, deep=True)
        return found


def _construct_dict(loader: _Loader, node: yaml.MappingNode) -> dict:
    return loader.construct_mapping(node)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_dict)


class _Dumper(yaml.SafeDumper):
    """Quotes only what would be read back as something else."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text in NULLS else None)


_Dumper.add_representer(str, _represent_text)


def load(text: str) -> Any:
    """The document in this YAML text: dicts, lists, str and None. Raises DocumentProblem."""
    if len(text) > MAX_SIZE:
        raise DocumentProblem(f"A mapping file has at most {MAX_SIZE:,} characters.")
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"Line {mark.line + 1}: " if mark else ""
        hint = f" {STAR}" if error.context == "while scanning an alias" else ""
        raise DocumentProblem(f"{where}this is not YAML ({error.problem or error.context}).{hint}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentProblem(f"This is not YAML ({error}).") from error


def dump(document: dict) -> str:
    """The document as YAML text that `load` reads back the same."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
