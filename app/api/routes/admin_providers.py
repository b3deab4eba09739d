"""Administration: the sign-in providers, and a test of each."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query, Request

from app import runtime
from app.api.addresses import site
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Output, Page, Strings
from core.oauth.registry import provider_named

router = new_router("admin")

Reads = Annotated[Principal, caller("admin:read")]
Writes = Annotated[Principal, caller("admin:write")]


class ProviderShown(Output):
    """A sign-in provider; ``missing`` names settings, ``redirect_uri`` is to be registered at the provider."""

    name: str
    label: str
    is_set_up: bool
    missing: Strings
    redirect_uri: str


class FindingShown(Output):
    """What one step of the test found; a note is worth knowing and stops nothing."""

    what: str
    level: Literal["ok", "note", "problem"]
    message: str


class Checked(Output):
    """What the test found, step by step."""

    ok: bool
    findings: list[FindingShown]


@router.get("/admin/sign-in-providers")
def list_sign_in_providers(
    caller: Reads, query: Annotated[PageQuery, Query()], request: Request
) -> Page[ProviderShown]:
    """Return the sign-in providers in the order of their buttons. They are set up in the environment."""
    found, rest = cut(runtime.get_core().oauth.states(caller.user), query, lambda provider: provider.name)
    items = [
        ProviderShown(
            name=one.name,
            label=provider_named(one.name).label,
            is_set_up=one.is_set_up,
            missing=one.missing,
            redirect_uri=site(request) + one.callback_path,
        )
        for one in found
    ]
    return Page(items=items, next=rest)


@router.post("/admin/sign-in-providers/{name}/check", responses=problems(404))
def check_sign_in_provider(
    caller: Writes, name: Annotated[str, Path(max_length=40, examples=["google"])], request: Request
) -> Checked:
    """Ask a provider whether it is set up right."""
    redirect_uri = f"{site(request)}/oauth/{name}/callback"
    findings = runtime.get_core().oauth.check(caller.user, name, redirect_uri)
    return Checked(
        ok=all(one.level != "problem" for one in findings),
        findings=[FindingShown(what=one.what, level=one.level, message=one.sentence) for one in findings],
    )
