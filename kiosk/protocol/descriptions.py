"""The descriptions in a JSON Schema, which msgspec takes from the docstrings of the types."""

import inspect
from typing import Any


def without_indentation(node: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Return a part of a schema whose descriptions are the same with every version of Python.

    Before Python 3.13 a docstring keeps the indentation of its source.
    """
    if isinstance(node, dict):
        return {
            key: inspect.cleandoc(value)
            if key == "description" and isinstance(value, str)
            else without_indentation(value)
            for key, value in node.items()
        }
    if isinstance(node, list | tuple):
        return [without_indentation(one) for one in node]
    return node
