"""The OpenAPI document, made from the table of addresses and the records."""

from typing import Any, Final

import msgspec

from kiosk.register.web.api.endpoints import ENDPOINTS, Endpoint, Parameter
from kiosk.register.web.api.records import ErrorRecord

VERSION: Final = "1.0.0"
_PROBLEMS: Final = {
    "400": "A parameter is missing or wrong.",
    "401": "No valid token.",
    "403": "The token may not ask for this.",
    "404": "What the request names is not there.",
}


def document(server: str) -> dict[str, Any]:
    """Return the document (OpenAPI 3.1).

    Args:
        server: The address of the pages, such as "https://attendance.example.org".
    """
    records = [one.record for one in ENDPOINTS]
    _, schemas = msgspec.json.schema_components(
        [*records, ErrorRecord], ref_template="#/components/schemas/{name}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Attendance register",
            "version": VERSION,
            "description": "Read what the register knows. Within v1, fields are only added.",
        },
        "servers": [{"url": f"{server}/api/v1"}],
        "security": [{"token": []}],
        "paths": {f"/{one.name}": {"get": _operation(one)} for one in ENDPOINTS},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    record = {"$ref": f"#/components/schemas/{endpoint.record.__name__}"}
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": f'The token needs the scope "{endpoint.scope}".',
        "parameters": [_parameter(one) for one in endpoint.parameters],
        "responses": {
            "200": _response("The records.", {"type": "array", "items": record}),
            **{code: _response(text, _ref(ErrorRecord)) for code, text in _PROBLEMS.items()},
        },
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "date": {"type": "string", "format": "date"},
        "position": {"type": "integer", "minimum": 0},
        "text": {"type": "string"},
    }
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.text,
        "schema": kinds[parameter.kind],
    }


def _response(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _ref(record: type) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{record.__name__}"}
