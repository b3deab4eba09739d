"""Every table of Zoark. Ids are text with a prefix, money is integer micro-dollars, times are UTC.

Only ``repository.py`` files and this package touch these objects.
"""

from core.db.tables.base import metadata
from core.db.tables.people import (
    audit_head,
    audit_log,
    departments,
    identities,
    mail_links,
    mail_outbox,
    oauth_flows,
    organisation,
    passkey_challenges,
    passkeys,
    rate_limits,
    recovery_codes,
    sessions,
    sign_in_failures,
    tickets,
    users,
)
from core.db.tables.prices import price_overrides
from core.db.tables.work import (
    agents,
    budget_windows,
    budgets,
    installation,
    keys,
    local_model,
    model_calls,
    reservations,
    run_events,
    runs,
    shares,
    workers,
)

__all__ = [
    "agents",
    "audit_head",
    "audit_log",
    "budget_windows",
    "budgets",
    "departments",
    "identities",
    "installation",
    "keys",
    "local_model",
    "mail_links",
    "mail_outbox",
    "metadata",
    "model_calls",
    "oauth_flows",
    "organisation",
    "passkey_challenges",
    "passkeys",
    "price_overrides",
    "rate_limits",
    "recovery_codes",
    "reservations",
    "run_events",
    "runs",
    "sessions",
    "shares",
    "sign_in_failures",
    "tickets",
    "users",
    "workers",
]
