"""The one table of pages; every link goes through here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.accounts.capabilities import Capability, can
from core.accounts.models import User

PAGES = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True)
class Entry:
    """A page: ``section`` is its heading in the sidebar, none for pages that are reached from others.

    Whoever lacks ``capability`` does not see it in the sidebar and is refused by ``app.shell``. A public page is
    drawn for everybody, signed in or not.
    """

    file: str
    title: str
    icon: str
    section: str | None
    capability: Capability | None = None
    is_public: bool = False

    @property
    def path(self) -> str:
        """The file that Streamlit runs."""
        return str(PAGES / self.file)

    @property
    def url(self) -> str:
        """The path in the address bar."""
        return self.file.removesuffix(".py").replace("_", "-")

    def is_open_to(self, user: User) -> bool:
        """Whether somebody may see this page."""
        return self.capability is None or can(user, self.capability)


HOME = Entry("home.py", "Home", ":material/home:", "")
AGENTS = Entry("agents.py", "Agents", ":material/smart_toy:", "Build")
AGENT = Entry("agent.py", "Agent", ":material/smart_toy:", None)
WORKFLOWS = Entry("workflows.py", "Workflows", ":material/account_tree:", "Build")
WORKFLOW = Entry("workflow.py", "Workflow", ":material/account_tree:", None)
KEYS = Entry("keys.py", "Keys", ":material/key:", "Build")
KEY = Entry("key.py", "Key", ":material/key:", None)
API = Entry("api.py", "API", ":material/api:", "Build")
RUNS = Entry("runs.py", "Runs", ":material/play_circle:", "Watch")
RUN = Entry("run.py", "Run", ":material/play_circle:", None)
COMPARE = Entry("compare.py", "Compare runs", ":material/compare_arrows:", None)
APPROVALS = Entry("approvals.py", "Approvals", ":material/how_to_reg:", "Watch")
APPROVAL = Entry("approval.py", "Approval", ":material/how_to_reg:", None)
USAGE = Entry("usage.py", "Usage", ":material/bar_chart:", "Watch")
BUDGETS = Entry("budgets.py", "Budgets", ":material/savings:", "Watch")
STATEMENT = Entry("statement.py", "Statement", ":material/receipt_long:", "Watch")
LIMITS = Entry("limits.py", "Limits", ":material/speed:", "Watch")
WEBHOOKS = Entry("webhooks.py", "Webhooks", ":material/webhook:", "Watch")
WEBHOOK = Entry("webhook.py", "Webhook", ":material/webhook:", None)

CONNECTIONS = Entry("connections.py", "Connected accounts", ":material/link:", "Account")
SESSIONS = Entry("sessions.py", "Sessions", ":material/devices:", "Account")
SECURITY = Entry("security.py", "Security", ":material/shield:", "Account")
TOKENS = Entry("tokens.py", "API tokens", ":material/token:", "Account")
PEOPLE = Entry("people.py", "People", ":material/group:", "Admin", "people.department")
DEPARTMENTS = Entry("departments.py", "Departments", ":material/domain:", "Admin", "departments.manage")
AUDIT = Entry("audit.py", "Audit", ":material/fact_check:", "Admin", "audit.read")
WORKERS = Entry("workers.py", "Workers", ":material/memory:", "Admin", "workers.read")
SIGN_IN_SETTINGS = Entry(
    "sign_in_settings.py", "Sign-in settings", ":material/admin_panel_settings:", "Admin", "settings.manage"
)
MAIL = Entry("mail.py", "E-mail", ":material/outgoing_mail:", "Admin", "settings.manage")
PRICES = Entry("prices.py", "Prices", ":material/sell:", "Admin", "settings.manage")
MASTER_KEY = Entry("master_key.py", "Master key", ":material/encrypted:", "Admin", "settings.manage")
SETUP = Entry("setup.py", "Set-up", ":material/checklist:", "Admin", "settings.manage")

# Behind links in mails.
RESET = Entry("reset.py", "Set a new password", ":material/key:", None, is_public=True)
NEW_PASSWORD = Entry("new_password.py", "Set a new password", ":material/key:", None, is_public=True)
INVITATION = Entry("invitation.py", "Invitation", ":material/mail:", None, is_public=True)
VERIFY = Entry("verify.py", "Confirm your e-mail address", ":material/mail:", None, is_public=True)
PUBLIC = (RESET, NEW_PASSWORD, INVITATION, VERIFY)

ALL = (
    HOME,
    AGENTS,
    AGENT,
    WORKFLOWS,
    WORKFLOW,
    KEYS,
    KEY,
    API,
    RUNS,
    RUN,
    COMPARE,
    APPROVALS,
    APPROVAL,
    USAGE,
    BUDGETS,
    STATEMENT,
    LIMITS,
    WEBHOOKS,
    WEBHOOK,
    CONNECTIONS,
    SESSIONS,
    SECURITY,
    TOKENS,
    PEOPLE,
    DEPARTMENTS,
    AUDIT,
    WORKERS,
    SIGN_IN_SETTINGS,
    MAIL,
    PRICES,
    MASTER_KEY,
    SETUP,
    *PUBLIC,
)


def sections(user: User | None, approvals: int = 0) -> dict[str, list[StreamlitPage]]:
    """Return the pages by section, for ``st.navigation``. All are registered for everybody: the gate decides.

    ``approvals`` is how many of them wait for the person; the sidebar says so.
    """
    found: dict[str, list[StreamlitPage]] = {}
    for entry in ALL:
        page = st.Page(
            entry.path,
            title=f"{entry.title} ({approvals})" if entry is APPROVALS and approvals else entry.title,
            icon=entry.icon,
            url_path=entry.url,
            default=entry is HOME,
            visibility="visible" if _is_listed(entry, user) else "hidden",
        )
        found.setdefault(entry.section or "", []).append(page)
    return found


def entry_at(url_path: str) -> Entry:
    """Return the page of an address; an empty one is the start page."""
    return next((entry for entry in ALL if entry.url == url_path), HOME)


def _is_listed(entry: Entry, user: User | None) -> bool:
    return entry.section is not None and user is not None and entry.is_open_to(user)


def go(entry: Entry, **query: str) -> NoReturn:
    """Open another page."""
    st.switch_page(entry.path, query_params=query)


def link(entry: Entry, label: str, *, icon: str | None = None, **query: str) -> None:
    """Draw a link to another page."""
    st.page_link(entry.path, label=label, icon=icon, query_params=query or None)
