"""Which HTTP status each error of the core has: one table, by its stable code."""

from __future__ import annotations

from core.errors import CoreError

# A code that stands nowhere here is answered with 400; a test keeps it from happening.
STATUS: dict[str, int] = {
    "invalid": 422,
    "graph_invalid": 422,
    "import_refused": 422,
    "export_refused": 422,
    "sender_refused": 422,
    "address_blocked": 422,
    "wrong_kind_of_key": 422,
    "idempotency_key_reused": 422,
    "not_signed_in": 401,
    "sign_in_refused": 401,
    "totp_required": 401,
    "passkey_needed": 401,
    "code_refused": 401,
    "refresh_refused": 401,
    "second_step_over": 401,
    "ticket_refused": 401,
    "forbidden": 403,
    "foreign_page": 403,
    "scope_missing": 403,
    "step_up_required": 403,
    "two_factor_missing": 403,
    "registration_closed": 403,
    "key_not_shared": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "not_published": 409,
    "workflow_archived": 409,
    "key_deleted": 409,
    "key_disabled": 409,
    "key_owner_inactive": 409,
    "idempotency_in_progress": 409,
    "mail_not_set_up": 409,
    "price_unknown": 409,
    "local_model_unavailable": 409,
    "secret_lost": 409,
    "secret_unreadable": 409,
    "master_key_wrong": 409,
    "revision_changed": 412,
    "too_large": 413,
    "media_type": 415,
    "locked_out": 429,
    "rate_limited_here": 429,
    "too_many_listeners": 429,
    "too_many_open": 429,
    "internal": 500,
    "stopping": 503,
    # The model's provider is at fault, or what a person told it.
    "bad_key": 409,
    "key_forbidden": 409,
    "quota": 409,
    "no_model": 409,
    "rate_limited": 409,
    "timeout": 409,
    "unreachable": 409,
    "bad_response": 409,
    "response_too_large": 409,
    "provider_error": 409,
    "context_too_long": 409,
    "output_overrun": 409,
    "no_models": 409,
    "nothing_there": 409,
    "leads_elsewhere": 409,
    "tls_failed": 409,
    "smtp_auth": 409,
    "mail_delayed": 409,
    "mail_refused": 409,
    "mail_set_up_wrong": 409,
    "mail_unsure": 409,
    "oauth_provider": 409,
}
# Told by runs, in streams, by pages in the browser and at the start; no request of the API is answered with them.
ELSEWHERE = frozenset(
    {
        "answer_broken",
        "answer_not_in_form",
        "approval_expired",
        "budget_exceeded",
        "cancelled",
        "child_failed",
        "in_doubt",
        "link_refused",
        "master_key_wrong",
        "no_approver",
        "oauth",
        "oauth_account_exists",
        "oauth_declined",
        "oauth_domain",
        "oauth_expired",
        "oauth_flow",
        "oauth_identity_taken",
        "oauth_other_address",
        "oauth_proof",
        "oauth_suspended",
        "oauth_unverified",
        "output_too_large",
        "owner_inactive",
        "passkey",
        "passkey_copied",
        "passkey_foreign",
        "passkey_over",
        "passkey_refused",
        "passkey_signed_out",
        "passkey_suspended",
        "passkey_unknown",
        "passkeys_not_here",
        "rate_limit_reached",
        "rate_limit_timeout",
        "rate_limit_too_small",
        "settings_wrong",
        "too_many_entries",
        "too_many_nested",
        "tool_failed",
        "value_missing",
        "value_wrong",
    }
)
OTHERWISE = 400


def status_of(error: CoreError) -> int:
    """Return the status of an error."""
    return STATUS.get(error.code, OTHERWISE)


def wait_seconds_of(error: CoreError) -> int | None:
    """Return after how many seconds the same request may be tried again; None when nobody can say."""
    wait = error.facts.get("wait_seconds")
    return wait if isinstance(wait, int) else None
