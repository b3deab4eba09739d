"""Keys."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, for_members, own
from tests.support.stage import Stage


def draft(stage: Stage) -> Sent:
    new = stage.draft()
    fields = {"name": new.name, "kind": "llm", "provider": new.provider, "base_url": new.base_url}
    return Sent(body={**fields, "secret": new.secret})


def key(stage: Stage) -> Sent:
    return Sent({"key_id": stage.key().id})


CALLS = {
    "create_api_key": Call(for_members(201, stranger=201), draft),
    "list_api_keys": Call(everybody(200)),
    "get_api_key": Call(own(200), key),
    "change_api_key": Call(for_members(200), lambda stage: Sent(key(stage).path, {"disabled": True})),
    "delete_api_key": Call(own(204), key),
    "test_api_key": Call(own(200), key),
    "list_models_of_api_key": Call(own(200), key),
    "list_kinds_of_keys": Call(everybody(200)),
    "list_usage_by_api_key": Call(everybody(200)),
    "get_health_of_api_key": Call(own(200), key),
    "get_what_breaks_without_api_key": Call(own(200), key),
}
