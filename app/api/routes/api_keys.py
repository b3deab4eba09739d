"""Keys: adding, testing, changing and deleting them. A secret goes in and never comes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field, SecretStr, StringConstraints

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems, renamed
from app.api.route import router as new_router
from app.api.schemas import Change, Day, Id, Input, Output, Page, Strings
from core.errors import Invalid
from core.keys.drafts import MAX_NAME, MAX_SECRET, MAX_URL
from core.keys.kind import MAX_FIELD, Kind
from core.keys.models import Family, Key, KeyChange, KeyDraft
from core.keys.registry import all_kinds, kind_named
from core.prices.models import HIGHEST_MICROS_PER_MILLION
from core.sharing.models import Level

router = new_router("api-keys")

Reads = Annotated[Principal, caller("keys:read")]
Writes = Annotated[Principal, caller("keys:write")]

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["Company OpenAI"])]
Secret = Annotated[SecretStr, Field(max_length=MAX_SECRET, description="Kept encrypted; no answer ever has it.")]
Address = Annotated[str, Field(max_length=MAX_URL, examples=["https://models.example.com/v1"])]
Settings = Annotated[
    dict[Annotated[str, StringConstraints(max_length=40)], Annotated[str, StringConstraints(max_length=MAX_FIELD)]],
    Field(max_length=20, description="What this kind asks for besides: `fields` of GET /api-keys/kinds."),
]
Rate = Annotated[int, Field(ge=0, le=HIGHEST_MICROS_PER_MILLION, description="Micro-dollars per million tokens.")]
# What a provider, or the way to it, may be at fault with.
AT_FAULT = problems(400, 404, 409)


class KeyNew(Input):
    """A new key. ``provider`` is the name of a kind of GET /api-keys/kinds; ``kind`` is its family."""

    name: Name
    kind: Family
    provider: Annotated[str, Field(min_length=1, max_length=40, examples=["openai"])]
    secret: Secret = SecretStr("")
    base_url: Address = ""
    input_price_micros_per_million: Rate | None = None
    output_price_micros_per_million: Rate | None = None
    pool: Annotated[bool, Field(description="The organisation's key: for administrators.")] = False
    settings: Settings = Field(default_factory=dict)


class KeyFields(Input):
    """What can be changed of a key."""

    name: Name
    secret: Secret
    base_url: Address
    settings: Settings
    disabled: bool
    expires_on: Annotated[Day | None, Field(description="The provider's day, in UTC; null: never.")]
    pool: bool


class KeyPatch(Change, KeyFields):
    """What to change of a key. With ``base_url`` or ``settings`` the secret is asked for again."""


class KeyShown(Output):
    """A key without its secret. Only its owner sees the ``hint``; ``is_owner`` is for whoever looks after it."""

    id: Id
    owner_id: Id
    owner_name: str
    name: str
    kind: Family
    provider: str
    base_url: str
    settings: dict[str, str]
    hint: str
    pool: bool
    disabled: bool
    disabled_at: datetime | None
    expires_on: date | None
    input_price_micros_per_million: int | None
    output_price_micros_per_million: int | None
    access: Level
    is_owner: bool
    is_lost: Annotated[bool, Field(description="The secret has to be entered again: its master key was lost.")]
    created_at: datetime
    tested_at: datetime | None
    test_code: Annotated[str | None, Field(description="How the last test went, such as `ok` or `bad_key`.")]
    last_used_at: datetime | None


class KeyTested(Output):
    """How a test went: ``code`` is `ok`, `preparing` or that of an error; ``models`` are what the key may use."""

    ok: bool
    code: Annotated[str, Field(examples=["bad_key"])]
    message: str
    models: Strings


class KeysQuery(PageQuery):
    """Which keys."""

    kind: Annotated[Family | None, Field(description="Keys of this family only.")] = None
    provider: Annotated[str | None, Field(max_length=40, description="Keys of this kind only.")] = None


@router.post("/api-keys", status_code=201)
def create_api_key(caller: Writes, body: KeyNew, response: Response) -> KeyShown:
    """Add a key. POST its `/test` to see whether it works."""
    core = runtime.get_core()
    kind = _kind(body.provider, body.kind, body.base_url)
    draft = KeyDraft(
        name=body.name,
        provider=body.provider,
        secret=body.secret.get_secret_value(),
        base_url=body.base_url,
        input_price_micros_per_million=body.input_price_micros_per_million,
        output_price_micros_per_million=body.output_price_micros_per_million,
        settings=body.settings,
        pool=body.pool,
    )
    with renamed(_places(kind, body.settings)):
        key_id = core.keys.add(caller.user, draft).id
    response.headers["Location"] = f"/api/v1/api-keys/{key_id}"
    return _shown(core.keys.get(caller.user, key_id))


@router.get("/api-keys")
def list_api_keys(caller: Reads, query: Annotated[KeysQuery, Query()]) -> Page[KeyShown]:
    """Return the caller's keys, those shared with them and those an administrator looks after, newest first."""
    found = runtime.get_core().keys.list(caller.user, query.kind)
    keys = [key for key in found if query.provider in (None, key.provider)]
    piece, after = cut(keys, query, lambda key: key.id)
    return Page(items=[_shown(key) for key in piece], next=after)


@router.get("/api-keys/{key_id}", responses=problems(404))
def get_api_key(caller: Reads, key_id: Id) -> KeyShown:
    """Return one key."""
    return _shown(runtime.get_core().keys.get(caller.user, key_id))


@router.patch("/api-keys/{key_id}", responses=problems(404, 409))
def change_api_key(caller: Writes, key_id: Id, body: KeyPatch) -> KeyShown:
    """Change a key: everything that is given, or nothing.

    A new secret keeps the key's id, so what uses it goes on. It makes the last test and the day of expiry obsolete.
    """
    core = runtime.get_core()
    given = body.model_dump(exclude_unset=True)
    if "secret" in given:
        given["secret"] = given["secret"].get_secret_value()
    kind = kind_named(core.keys.get(caller.user, key_id).provider)
    with renamed(_places(kind, given.get("settings", {}))):
        return _shown(core.keys.change(caller.user, key_id, KeyChange(**given)))


@router.delete("/api-keys/{key_id}", status_code=204, responses=problems(404))
def delete_api_key(caller: Writes, key_id: Id) -> None:
    """Delete a key and its secret at once. What it has cost stays in the books; agents on it need another key."""
    runtime.get_core().keys.delete(caller.user, key_id)


@router.post("/api-keys/{key_id}/test", responses=problems(404, 409))
def test_api_key(caller: Writes, key_id: Id) -> KeyTested:
    """Make one cheap real call with a key. The answer is 200 also when the provider refuses: see `code`."""
    runtime.wake_worker()
    return KeyTested.model_validate(runtime.get_core().keys.test(caller.user, key_id))


@router.get("/api-keys/{key_id}/models", responses=AT_FAULT)
def list_models_of_api_key(caller: Reads, key_id: Id, query: Annotated[PageQuery, Query()]) -> Page[str]:
    """Return the names of the models that a key may use, asking its provider."""
    models, after = cut(runtime.get_core().keys.models(caller.user, key_id), query, str)
    return Page(items=models, next=after)


def _kind(provider: str, family: Family, address: str) -> Kind:
    kind = all_kinds().get(provider)
    if kind is None:
        raise Invalid("There is no such kind of key. GET /api-keys/kinds lists them.", "provider")
    if kind.family != family:
        raise Invalid(f"A key of {kind.label} is of the kind {kind.family}.", "kind")
    # The core takes its own address instead: whoever names another one would have the secret sent where they do
    # not expect it.
    if not kind.asks_base_url and address.strip().rstrip("/") not in ("", kind.default_base_url):
        raise Invalid(f"The address of {kind.label} cannot be changed.", "base_url")
    return kind


def _places(kind: Kind, given: Mapping[str, str]) -> dict[str, str]:
    """Return where a kind's fields are in a body; raise ``Invalid`` for settings that it does not have."""
    names = {field.name for field in kind.fields}
    if set(given) - names:
        raise Invalid(f"A key of {kind.label} has no such setting. GET /api-keys/kinds lists them.", "settings")
    return {name: f"settings.{name}" for name in names}


def _shown(key: Key) -> KeyShown:
    price = key.own_price
    return KeyShown(
        id=key.id,
        owner_id=key.owner_id,
        owner_name=key.access.owner_name,
        name=key.name,
        kind=key.family,
        provider=key.provider,
        base_url=key.base_url,
        settings=dict(key.settings),
        hint=key.hint,
        pool=key.is_pool,
        disabled=key.disabled_at is not None,
        disabled_at=key.disabled_at,
        expires_on=key.expires_on,
        input_price_micros_per_million=price.input_micros_per_million if price else None,
        output_price_micros_per_million=price.output_micros_per_million if price else None,
        access=key.access.level,
        is_owner=key.access.is_owner,
        is_lost=key.is_lost,
        created_at=key.created_at,
        tested_at=key.tested_at,
        test_code=key.test_code,
        last_used_at=key.last_used_at,
    )
