"""The settings of the organisation are typed and bounded."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.accounts.models import ROLES
from core.organisation.models import OrganisationSettings


def test_domains_are_cleaned_and_kept_once() -> None:
    given = {"allowed_email_domains": [" @Example.COM ", "example.com", "", "exämple.de"]}
    assert OrganisationSettings.model_validate(given).allowed_email_domains == ("example.com", "exämple.de")


@pytest.mark.parametrize(
    ("email", "is_accepted"),
    [
        ("a@example.com", True),
        ("a@EXAMPLE.com", True),
        ("a@xn--exmple-cua.de", True),
        ("a@exämple.de", True),
        ("a@sub.example.com", False),
        ("a@example.com.evil.org", False),
        ("a@evilexample.com", False),
        ("example.com@evil.org", False),
    ],
)
def test_only_the_very_domain_is_accepted(email: str, is_accepted: bool) -> None:
    settings = OrganisationSettings.model_validate({"allowed_email_domains": ["example.com", "exämple.de"]})
    assert settings.accepts(email) is is_accepted


@pytest.mark.parametrize(
    ("two_factor_for", "of_whom"),
    [("nobody", set()), ("admins", {"admin"}), ("everybody", {"admin", "manager", "member", "viewer"})],
)
def test_whoever_must_have_two_factors_needs_a_shorter_password(two_factor_for: str, of_whom: set[str]) -> None:
    settings = OrganisationSettings.model_validate({"two_factor_for": two_factor_for})
    assert {role for role in ROLES if settings.demands_two_factor(role)} == of_whom
    lengths = {role: settings.shortest_password(role) for role in ROLES}
    assert lengths == {role: 8 if role in of_whom else 15 for role in ROLES}


def test_without_a_list_every_domain_is_accepted() -> None:
    assert OrganisationSettings().accepts("a@anything.example")


@pytest.mark.parametrize(
    "wrong",
    [
        {"company_name": "x" * 81},
        {"company_name": "Ac\x00me"},
        {"company_name": None},
        {"two_factor_for": "somebody"},
        {"two_factor_for": True},
        {"allowed_email_domains": "example.com"},
        {"allowed_email_domains": ["not a domain"]},
        {"allowed_email_domains": ["localhost"]},
        {"allowed_email_domains": [7]},
        {"allowed_email_domains": [f"d{n}.example" for n in range(51)]},
        {"session_idle_minutes": 4},
        {"session_idle_minutes": 1441},
        {"session_idle_minutes": "60"},
        {"session_life_hours": 0},
        {"session_life_hours": 337},
        {"session_idle_minutes": 90, "session_life_hours": 1},
        {"is_admin": True},
    ],
)
def test_a_wrong_value_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OrganisationSettings.model_validate(wrong)
