"""Puts the core together: the one object that pages, routes and workers call."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from core import clock
from core.accounts.mail_links import MailLinks
from core.accounts.service import Accounts
from core.accounts.sessions import Sessions
from core.agents.service import Agents
from core.audit.service import Audit
from core.budgets.ledger import Ledger
from core.config import Settings, load_settings
from core.db import Database
from core.db.installation import open_installation
from core.departments.service import Departments
from core.errors import MasterKeyWrong
from core.keys.service import Keys
from core.limits.service import Limits
from core.local_model.service import LocalModel
from core.logs import set_up_logs
from core.notify.chosen import ChosenKeys
from core.notify.notices import tell_by_mail
from core.notify.outbox import Outbox
from core.notify.registry import chosen_transport
from core.notify.service import Mail
from core.oauth.service import OAuth
from core.organisation.service import Organisation
from core.passkeys.service import Passkeys
from core.people.service import People
from core.runs.journal import RunJournal
from core.runs.queue import RunQueue
from core.runs.service import Runs
from core.security.egress import EgressPolicy
from core.security.sealing import KeyRing, Vault
from core.setup.service import Setup
from core.sharing.service import Sharing
from core.two_factor.service import TwoFactor
from core.usage.service import Usage

KEY_FILE = "master.keys"


@dataclass(frozen=True)
class Core:
    """Everything Zoark can do, by noun. Methods take the actor, return values, raise ``CoreError``."""

    settings: Settings
    audit: Audit
    organisation: Organisation
    setup: Setup
    accounts: Accounts
    mail_links: MailLinks
    passkeys: Passkeys
    two_factor: TwoFactor
    oauth: OAuth
    sessions: Sessions
    people: People
    departments: Departments
    sharing: Sharing
    keys: Keys
    agents: Agents
    runs: Runs
    usage: Usage
    local_model: LocalModel
    mail: Mail
    outbox: Outbox
    limits: Limits
    db: Database
    ring: KeyRing
    policy: EgressPolicy
    journal: RunJournal

    def work_is_waiting(self) -> bool:
        """Whether a worker has something to do now."""
        if self.runs.next_due_at() is not None or self.local_model.status().is_busy:
            return True
        mail_due_at = self.mail.next_due_at()
        return mail_due_at is not None and mail_due_at <= clock.now()

    def close(self) -> None:
        """Close connections."""
        self.runs.close()
        self.db.dispose()


def build_core(settings: Settings | None = None) -> Core:
    """Read the settings, check the master keys and connect everything.

    Raises:
        SettingsWrong: a setting has the wrong form.
        MasterKeyWrong: the master key is missing or not the one this database was made with.
    """
    settings = settings or load_settings()
    set_up_logs(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(settings.database)
    policy = EgressPolicy.from_allowlist(settings.endpoint_allowlist)
    ring = load_ring(settings)
    audit = Audit(db, ring.derive("audit"))
    vault = Vault(ring, open_installation(db, ring, audit.begin))
    local_model = LocalModel(db, settings.data_dir)
    organisation = Organisation(db, audit, settings.registration)
    limits = Limits(db)
    accounts = Accounts(db, settings, organisation, limits, audit)
    oauth = OAuth(db, vault, policy, settings, accounts, limits, audit)
    passkeys = Passkeys(db, settings, accounts, oauth, organisation, limits, audit)
    departments = Departments(db, audit)
    sessions = Sessions(db, organisation, audit)
    two_factor = TwoFactor(db, vault, accounts, passkeys, sessions, organisation, audit)
    sharing = Sharing(db, departments, audit)
    keys = Keys(db, vault, policy, local_model, sharing, audit)
    chosen = ChosenKeys(db, settings, keys, policy, audit)
    mail = Mail(db, settings, vault, chosen_transport(settings, policy), audit, limits, chosen)
    mail_links = MailLinks(db, organisation, audit, accounts, departments, mail, limits)
    tell_by_mail(mail, accounts, keys, passkeys, two_factor)
    agents = Agents(db, keys, departments, sharing, audit)
    ledger = Ledger()
    usage = Usage(db, ledger)
    runs = Runs(db, RunQueue(settings), agents, usage, audit)
    return Core(
        settings=settings,
        audit=audit,
        organisation=organisation,
        setup=Setup(db, audit),
        accounts=accounts,
        mail_links=mail_links,
        passkeys=passkeys,
        two_factor=two_factor,
        oauth=oauth,
        sessions=sessions,
        people=People(db, departments, sessions, runs, audit),
        departments=departments,
        sharing=sharing,
        keys=keys,
        agents=agents,
        runs=runs,
        usage=usage,
        local_model=local_model,
        mail=mail,
        outbox=Outbox(db, vault, mail),
        limits=limits,
        db=db,
        ring=ring,
        policy=policy,
        journal=RunJournal(db),
    )


def load_ring(settings: Settings) -> KeyRing:
    """Return the master keys of the settings or, with SQLite, of the data dir; made there at the first start.

    Raises:
        MasterKeyWrong: they are missing or malformed.
    """
    given = settings.master_keys.get_secret_value()
    if given:
        return KeyRing.parse(given)
    path = settings.data_dir / KEY_FILE
    # Asked before the key file: another process may be making both right now, the key file first.
    has_database = settings.is_sqlite and _is_filled(Path(settings.database.removeprefix("sqlite:///")))
    if _is_filled(path):
        return KeyRing.parse(path.read_text("ascii", "replace").strip())
    if not settings.is_sqlite:
        raise MasterKeyWrong(
            "ZOARK_MASTER_KEYS is missing: PostgreSQL needs it. Make one with: python -m core new-master-key"
        )
    if has_database:
        raise MasterKeyWrong(
            f"The master key is missing: {path} is gone, but the database exists. Put the file back, or set "
            "ZOARK_MASTER_KEYS."
        )
    return _make_ring(path)


def _is_filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _make_ring(path: Path) -> KeyRing:
    """Write a new ring with mode 0600; of two processes that try at once, one wins and both read its key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read().strip()
        if not text:
            text = KeyRing.generate().render()
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    return KeyRing.parse(text)
