"""The settings of the organisation are typed and bounded."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

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


def test_without_a_list_every_domain_is_accepted() -> None:
    assert OrganisationSettings().accepts("a@anything.example")


@pytest.mark.parametrize(
    "wrong",
    [
        {"company_name": "x" * 81},
        {"company_name": "Ac\x00me"},
        {"company_name": None},
        {"require_admin_two_factor": "yes"},
        {"require_admin_two_factor": 1},
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
