"""The AsyncAPI document: equal to the code, complete, and true of what is sent.

The schema of AsyncAPI itself (npm, @asyncapi/specs) is not there in a test; what it would find is
looked for here: references, actions, parameters, and the version of the binding.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kiosk.protocol import asyncapi, topics
from kiosk.protocol.asyncapi import KINDS, document
from kiosk.protocol.delivery import Confirmation, ReplayDone, encode_delivery
from kiosk.protocol.event import EVENT_TYPES
from kiosk.protocol.yaml_text import yaml_text

FILE = Path(asyncapi.__file__).with_name("asyncapi.yaml")
OUTBOX = "11111111-1111-4111-8111-111111111111"


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(whole: dict[str, Any], reference: str) -> object:
    node: Any = whole
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_the_file_is_what_the_types_say() -> None:
    """After a change: kiosk schema --asyncapi > kiosk/protocol/asyncapi.yaml."""
    assert FILE.read_text("utf-8") == yaml_text(document())


def test_the_file_is_yaml() -> None:
    """A parser of YAML reads what was meant."""
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(FILE.read_text("utf-8")) == json.loads(json.dumps(document()))


def test_every_kind_of_message_is_a_channel() -> None:
    """The kinds of the topic tree, with the direction."""
    said = {topics.AVAILABILITY, *EVENT_TYPES, *topics.FOR_REGISTER}
    assert {kind.name for kind in KINDS} == said
    received = {kind.name for kind in KINDS if kind.action == "receive"}
    assert received == topics.BY_REGISTER


def test_the_document_is_whole() -> None:
    """Every reference leads somewhere; every parameter of an address is described."""
    whole = document()
    assert whole["asyncapi"] == "3.1.0"
    found = set(references(whole))
    assert len(found) > 20
    for reference in found:
        assert isinstance(resolve(whole, reference), dict), reference
    for channel in whole["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"])
    for operation in whole["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["bindings"]["mqtt"]["bindingVersion"] == "0.2.0"
        assert operation["bindings"]["mqtt"]["qos"] == 1


@pytest.mark.parametrize(
    ("name", "payload", "is_valid"),
    [
        ("Confirmation", Confirmation(register_id=OUTBOX, outbox_id=OUTBOX, sequence=3), True),
        ("ReplayDone", ReplayDone(outbox_id=OUTBOX, first=1, last=2, gone=((1, 2),)), True),
        ("ReplayDone", Confirmation(register_id=OUTBOX, outbox_id=OUTBOX, sequence=3), False),
    ],
)
def test_the_schemas_describe_what_is_sent(
    name: str,
    payload: Confirmation | ReplayDone,
    is_valid: bool,  # noqa: FBT001
) -> None:
    """What the code writes is valid by the document, and another message is not."""
    whole = document()
    schema = {"$ref": f"#/components/schemas/{name}", "components": whole["components"]}
    validator = Draft202012Validator(schema)
    assert validator.is_valid(json.loads(encode_delivery(payload))) == is_valid


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"a": {}, "b": []}, "a: {}\nb: []\n"),
        ({"a-b": [{"c": 1, "d": None}, "x: y"]}, 'a-b:\n  -\n    c: 1\n    d: null\n  - "x: y"\n'),
        ({"$ref": True, "1": "ä\n"}, '"$ref": true\n"1": "ä\\n"\n'),
    ],
)
def test_data_are_written_as_yaml(data: object, text: str) -> None:
    """Empty things, things in things, and keys and texts that YAML would take for others."""
    assert yaml_text(data) == text
