"""How keys do: their state, what they were used for, what depends on them; and which kinds of keys there are."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Output, Page
from app.api.sums import Sums, UsageItem, usage_item
from core.keys.kind import Kind
from core.keys.models import Dependent, DependentKind, Family, Group, KeyHealth, KeyState
from core.sharing.models import GranteeKind, Level, Share
from core.usage.models import DayUse
from core.usage.service import USE_DAYS

router = new_router("api-keys")

Reads = Annotated[Principal, caller("keys:read")]


class KindField(Output):
    """Something that a kind of key asks for in ``settings``; never a secret."""

    name: str
    label: str
    help: str
    placeholder: str
    default: str
    choices: Annotated[dict[str, str] | None, Field(description="What can be chosen, with its label.")]
    is_needed: bool
    leads: Annotated[bool, Field(description="Whether it says where the secret goes.")]


class KindShown(Output):
    """A kind of key: everything that a form for it needs."""

    provider: Annotated[str, Field(description="Its name, the `provider` of a key.", examples=["openai"])]
    kind: Family
    group: Group
    label: str
    about: str
    fields: list[KindField]
    asks_secret: bool
    needs_secret: bool
    secret_label: str
    secret_help: str
    asks_base_url: bool
    default_base_url: str
    address_help: str
    has_address: Annotated[bool, Field(description="Whether a person says where a key of this kind leads.")]
    asks_price: bool
    is_built_in: bool


class DependentShown(Output):
    """Something that works with a key, and whose it is."""

    kind: DependentKind
    id: Id
    name: str
    owner_id: Id
    owner_name: str


class ShareShown(Output):
    """Somebody, or an agent, that a key is shared with."""

    kind: GranteeKind
    id: Annotated[str, Field(description="A person's or an agent's id, a department's slug; empty for everyone.")]
    name: str
    level: Level
    created_at: datetime


class KeyDay(Sums):
    """What a key was used for in one day (UTC)."""

    day: date
    failed: int


class CallErrorsShown(Output):
    """How often calls failed with one code, and when last."""

    code: Annotated[str, Field(examples=["rate_limited"])]
    count: int
    last_at: datetime


class KeyHealthShown(Output):
    """How a key does. Who does not look after it sees their own calls and agents only.

    ``trouble`` says why it is failing, ``error_rate`` is the share of calls that failed, null without calls.
    """

    state: KeyState
    trouble: str
    usual_error: str
    days_left: Annotated[int | None, Field(description="Until it expires; negative afterwards.")]
    is_looked_after: bool
    is_metered: bool
    last_used_at: datetime | None
    error_rate: float | None
    last_7_days: Sums
    last_30_days: Sums
    days: list[KeyDay]
    errors: list[CallErrorsShown]
    dependents: list[DependentShown]
    shares: list[ShareShown]


class KeyBreaksShown(Output):
    """What would break without a key."""

    dependents: list[DependentShown]
    runs: list[DependentShown]
    shares: list[ShareShown]


class KeyUsageQuery(PageQuery):
    """Of how many days."""

    days: Annotated[int, Field(ge=1, le=USE_DAYS, description="So many days, today (UTC) included.")] = USE_DAYS


@router.get("/api-keys/kinds")
def list_kinds_of_keys(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[KindShown]:
    """Return the kinds of keys that can be added here, in the order of the picker."""
    kinds, after = cut(runtime.get_core().keys.kinds(), query, lambda kind: kind.name)
    return Page(items=[_kind(kind) for kind in kinds], next=after)


@router.get("/api-keys/usage")
def list_usage_by_api_key(caller: Reads, query: Annotated[KeyUsageQuery, Query()]) -> Page[UsageItem]:
    """Return what each key was used for, the dearest first.

    Of keys that the caller looks after everybody's calls count, of others the caller's own.
    """
    found = runtime.get_core().key_health.list(caller.user)
    items = [
        usage_item(health.key.id, health.key.name, health.use.totals(query.days))
        for health in found
        if health.is_metered
    ]
    items.sort(key=lambda item: (-(item.cost_micros or 0), -item.calls, item.group or ""))
    piece, after = cut(items, query, lambda item: item.group or "")
    return Page(items=piece, next=after)


@router.get("/api-keys/{key_id}/health", responses=problems(404))
def get_health_of_api_key(caller: Reads, key_id: Id) -> KeyHealthShown:
    """Return how a key does, and its use in the last 30 days (UTC)."""
    health = runtime.get_core().key_health.get(caller.user, key_id)
    use = health.use
    return KeyHealthShown(
        state=health.state,
        trouble=health.trouble,
        usual_error=health.usual_error,
        days_left=health.days_left,
        is_looked_after=health.is_looked_after,
        is_metered=health.is_metered,
        last_used_at=health.last_used_at,
        error_rate=use.error_rate,
        last_7_days=Sums.of(use.totals(7)),
        last_30_days=Sums.of(use.totals(30)),
        days=[_day(day) for day in use.days],
        errors=[CallErrorsShown.model_validate(error) for error in use.errors],
        dependents=[_dependent(one) for one in health.dependents],
        shares=_shares(health),
    )


@router.get("/api-keys/{key_id}/what-breaks", responses=problems(404))
def get_what_breaks_without_api_key(caller: Reads, key_id: Id) -> KeyBreaksShown:
    """Return what would break if a key was deleted: for whoever looks after it."""
    breaks = runtime.get_core().key_health.what_breaks(caller.user, key_id)
    return KeyBreaksShown(
        dependents=[_dependent(one) for one in breaks.dependents],
        runs=[_dependent(one) for one in breaks.runs],
        shares=[_share(share) for share in breaks.shares],
    )


def _kind(kind: Kind) -> KindShown:
    return KindShown(
        provider=kind.name,
        kind=kind.family,
        group=kind.group,
        label=kind.label,
        about=kind.about,
        fields=[KindField.model_validate(field) for field in kind.fields],
        asks_secret=kind.asks_secret,
        needs_secret=kind.needs_secret,
        secret_label=kind.secret_label,
        secret_help=kind.secret_help,
        asks_base_url=kind.asks_base_url,
        default_base_url=kind.default_base_url,
        address_help=kind.address_help,
        has_address=kind.has_address,
        asks_price=kind.asks_price,
        is_built_in=kind.is_built_in,
    )


def _day(use: DayUse) -> KeyDay:
    return KeyDay(day=use.day, failed=use.failed, **Sums.of(use.totals).model_dump())


def _dependent(one: Dependent) -> DependentShown:
    return DependentShown(kind=one.kind, id=one.id, name=one.name, owner_id=one.owner_id, owner_name=one.owner_name)


def _shares(health: KeyHealth) -> list[ShareShown]:
    return [_share(share) for share in health.shares]


def _share(share: Share) -> ShareShown:
    return ShareShown(
        kind=share.grantee.kind,
        id=share.grantee.id,
        name=share.name,
        level=share.level,
        created_at=share.created_at,
    )
