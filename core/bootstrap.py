"""Puts the core together: the one object that pages, routes and workers call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core import clock
from core.accounts.mail_links import MailLinks
from core.accounts.service import Accounts
from core.accounts.sessions import Sessions
from core.agents.service import Agents
from core.approvals.service import Approvals
from core.audit.service import Audit
from core.budgets.service import Budgets
from core.config import Settings, load_settings
from core.db import Connection, Database
from core.db.installation import open_installation, read_cookie_key
from core.departments.service import Departments
from core.errors import MasterKeyWrong
from core.firings.service import Firings
from core.idempotency.service import Idempotency
from core.keys.care import KeyCare
from core.keys.failing import KeyAlarm
from core.keys.health import Dependents, Health
from core.keys.service import Keys
from core.ledger.service import Ledger
from core.limits.service import Limits
from core.local_model.service import LocalModel
from core.logins.service import Logins
from core.logs import set_up_logs
from core.master_keys.service import MasterKeys
from core.notify.chosen import ChosenKeys
from core.notify.doubts import Doubts
from core.notify.notices import tell_by_mail
from core.notify.outbox import Outbox
from core.notify.registry import chosen_transport
from core.notify.service import Mail
from core.notify.stops import Stops
from core.notify.tool_mail import ToolMail
from core.oauth.service import OAuth
from core.organisation.service import Organisation
from core.passkeys.service import Passkeys
from core.people.service import People
from core.prices.service import Prices
from core.quotas.rates import Rates
from core.quotas.service import Quotas
from core.rollup.service import Rollup
from core.runs.estimates import Estimates
from core.runs.feed import RunFeed
from core.runs.journal import RunJournal
from core.runs.queue import RunQueue
from core.runs.service import Runs
from core.schedules.service import Schedules
from core.security.egress import EgressPolicy
from core.security.ring_file import RingFile, make_ring_file
from core.security.sealing import KeyRing, RingSource, Vault
from core.setup.service import Setup
from core.shared_costs.service import SharedCosts
from core.sharing.service import Sharing
from core.statements.service import Statements
from core.tokens.service import Tokens
from core.triggers.service import Triggers
from core.two_factor.service import TwoFactor
from core.usage.service import Usage
from core.webhooks.deliveries.courier import Courier
from core.webhooks.deliveries.service import Deliveries
from core.webhooks.occasions import tell_webhooks
from core.webhooks.service import Webhooks
from core.workflows.interchange.service import Interchange
from core.workflows.service import Workflows

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
    logins: Logins
    tokens: Tokens
    idempotency: Idempotency
    people: People
    departments: Departments
    sharing: Sharing
    keys: Keys
    key_care: KeyCare
    key_health: Health
    agents: Agents
    workflows: Workflows
    interchange: Interchange
    runs: Runs
    run_feed: RunFeed
    estimates: Estimates
    approvals: Approvals
    firings: Firings
    schedules: Schedules
    triggers: Triggers
    prices: Prices
    usage: Usage
    budgets: Budgets
    shared_costs: SharedCosts
    statements: Statements
    quotas: Quotas
    rates: Rates
    local_model: LocalModel
    mail: Mail
    tool_mail: ToolMail
    outbox: Outbox
    webhooks: Webhooks
    webhook_deliveries: Deliveries
    webhook_courier: Courier
    limits: Limits
    master_keys: MasterKeys
    db: Database
    ring: KeyRing
    policy: EgressPolicy
    journal: RunJournal

    def work_is_waiting(self) -> bool:
        """Whether a worker has something to do now."""
        if self.local_model.status().is_busy:
            return True
        if self.key_care.reminder_is_due() or self.master_keys.is_rotating():
            return True
        due = (
            self.runs.next_due_at(),
            self.mail.next_due_at(),
            self.usage.next_lease_end(),
            self.webhook_courier.next_due_at(),
            self.approvals.next_due_at(),
            self.schedules.next_due_at(),
        )
        return self.firings.is_due() or any(at is not None and at <= clock.now() for at in due)

    def close(self) -> None:
        """Close connections."""
        self.runs.close()
        self.db.dispose()


def build_core(settings: Settings | None = None, *, is_recovery: bool = False) -> Core:
    """Read the settings, check the master keys and connect everything.

    With ``is_recovery`` keys may be missing: only ``core.commands.recover_lost_key`` may go on from there.

    Raises:
        SettingsWrong: a setting has the wrong form.
        MasterKeyWrong: the master key is missing or not the one this database was made with.
    """
    settings = settings or load_settings()
    set_up_logs(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(settings.database)
    policy = EgressPolicy.from_allowlist(settings.endpoint_allowlist)
    rings = load_rings(settings)

    def prepare(connection: Connection, vault: Vault, is_new: bool, is_first: bool) -> None:
        audit = Audit(db, vault)
        if is_first:
            audit.adopt_key(connection, rings.current().derive("audit"))
        if is_new:
            audit.begin(connection)

    vault = open_installation(db, rings, prepare, is_recovery=is_recovery)
    audit = Audit(db, vault)
    local_model = LocalModel(db, settings.data_dir, audit)
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
    agents = Agents(db, keys, departments, sharing, audit)
    workflows = Workflows(db, agents, keys, departments, sharing, audit)
    ledger = Ledger()
    prices = Prices(db, audit)
    rollup = Rollup()
    usage = Usage(db, ledger, prices, rollup)
    shared_costs = SharedCosts(db, departments, rollup, audit)
    budgets = Budgets(db, ledger, audit)
    tokens = Tokens(db, accounts, audit)
    tell_by_mail(mail, accounts, keys, passkeys, tokens, two_factor, budgets)
    quotas = Quotas(db, audit)
    departments.on_deleted(budgets.forget_department)
    departments.on_deleted(quotas.forget_department)
    runs = Runs(db, RunQueue(settings), agents, keys, workflows, usage, ledger, quotas, audit)
    estimates = Estimates(db, agents, workflows, keys, prices, usage)
    approvals = Approvals(db, runs.waking, usage, estimates, mail, audit)
    runs.ended.on_end(approvals.run_ended)
    firings = Firings(db, accounts, runs, Stops(accounts, mail))
    runs.ended.on_end(firings.run_ended)
    journal = RunJournal(db, runs.ended)
    journal.nodes.on_doubt(Doubts(accounts, mail).tell)
    schedules = Schedules(db, workflows, firings, audit)
    triggers = Triggers(db, vault, accounts, workflows, firings, limits, audit)
    outbox = Outbox(db, vault, mail)
    webhooks = Webhooks(db, vault, policy, audit)
    tell_webhooks(runs.ended, usage, budgets, KeyAlarm(keys, usage))
    master_keys = MasterKeys(db, vault, rings, audit)
    idempotency = Idempotency(db, vault)
    master_keys.on_lost(two_factor.lost.reset_unreadable, oauth.forget_unreadable, outbox.fail_unreadable)
    master_keys.on_lost(idempotency.forget_unreadable, webhooks.forget_unreadable, triggers.forget_unreadable)
    dependents: Dependents = [("llm", agents.using_keys), ("email", chosen.using_keys)]
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
        logins=Logins(db, rings, accounts, sessions, two_factor, audit),
        tokens=tokens,
        idempotency=idempotency,
        people=People(db, departments, sessions, runs, audit),
        departments=departments,
        sharing=sharing,
        keys=keys,
        key_care=KeyCare(db, keys, mail),
        key_health=Health(db, keys, sharing, usage, runs, local_model, dependents),
        agents=agents,
        workflows=workflows,
        interchange=Interchange(workflows, agents, keys, departments),
        runs=runs,
        run_feed=RunFeed(db),
        estimates=estimates,
        approvals=approvals,
        firings=firings,
        schedules=schedules,
        triggers=triggers,
        prices=prices,
        usage=usage,
        budgets=budgets,
        shared_costs=shared_costs,
        statements=Statements(db, departments, rollup, shared_costs, audit),
        quotas=quotas,
        rates=Rates(db),
        local_model=local_model,
        mail=mail,
        tool_mail=ToolMail(db, mail, organisation, limits, audit),
        outbox=outbox,
        webhooks=webhooks,
        webhook_deliveries=Deliveries(db, webhooks, limits, audit),
        webhook_courier=Courier(db, vault, policy, webhooks, mail, audit),
        limits=limits,
        master_keys=master_keys,
        db=db,
        ring=rings.current(),
        policy=policy,
        journal=journal,
    )


def load_ring(settings: Settings) -> KeyRing:
    """Return the master keys of this moment; raises what ``load_rings`` raises."""
    return load_rings(settings).current()


def load_rings(settings: Settings) -> RingSource:
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
        return RingFile(path)
    if not settings.is_sqlite:
        raise MasterKeyWrong(
            "ZOARK_MASTER_KEYS is missing: PostgreSQL needs it. Make one with: python -m core new-master-key"
        )
    if has_database:
        raise MasterKeyWrong(
            f"The master key is missing: {path} is gone, but the database exists. Put the file back, or set "
            "ZOARK_MASTER_KEYS. If it is lost for good, run: python -m core recover-lost-key"
        )
    make_ring_file(path)
    return RingFile(path)


def cookie_key(settings: Settings) -> str:
    """Return the key that signs browser cookies; raises ``MasterKeyWrong`` when there is no master key."""
    rings = load_rings(settings)
    db = Database(settings.database)
    try:
        return read_cookie_key(db, rings)
    finally:
        db.dispose()


def _is_filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
