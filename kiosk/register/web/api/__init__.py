"""The read API: JSON for programs with a token. ``/api/v1/openapi.json`` describes it."""
