"""Makes what methods and routes are called with: the tables of who may do what are walked with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key, KeyDraft
from core.months import month_of
from core.notify.repository import insert_mail
from core.oauth.models import Answer, Flow, Profile, Tokens
from core.oauth.providers.google import PROVIDER as GOOGLE
from core.passkeys.models import Site
from core.prices.models import OverrideDraft
from core.quotas.models import Allowance
from core.runs.models import Run
from core.schedules.models import ScheduleDraft
from core.shared_costs.models import SharedCost
from core.sharing.models import EVERYONE
from core.triggers.models import TriggerDraft
from core.webhooks.models import WebhookDraft
from core.workflows.interchange.models import ImportPlan
from tests.conftest import PASSWORD
from tests.fakes.authenticator import Authenticator
from tests.fakes.model_server import FakeModelServer
from tests.support.asking import ask, person

DEPARTMENT, OTHER_DEPARTMENT = "hr", "sales"
NOW = clock.now()
FLOW = Flow("google", "nonce", SecretStr("verifier"), None, "/")
SITE = Site("localhost", "http://localhost:8501")
HOOK = WebhookDraft("Hook", "https://example.com/hook", ("run.failed",))
WORKFLOW_FILE = json.dumps(
    {"zoark": "workflow/1", "name": "W", "department": DEPARTMENT, "graph": {"nodes": [], "edges": []}}
).encode()
SCHEDULE = ScheduleDraft("S", "0 9 * * *", "UTC")
LIMIT = Allowance(concurrent_runs=3)
ANSWER = Answer("code", "", "", "http://127.0.0.1/oauth")


def this_month() -> str:
    """The month that is not over: asked for when it is needed, for one may end while the tests run."""
    return month_of(clock.now())


def shared_cost() -> SharedCost:
    """One that begins this month."""
    return SharedCost("", "Server", 1, this_month(), None, None)


class Stage:
    """Makes what the methods are called with; ``owner`` is whose it is, as a member."""

    def __init__(self, core: Core, fake: FakeModelServer, owner: User) -> None:
        self.core = core
        self.owner = replace(owner, role="member")
        self._url = fake.openai_url

    def draft(self) -> KeyDraft:
        return KeyDraft(clock.new_id("name"), "openai_compatible", "zk-Secret-0123456789", self._url)

    def key(self) -> Key:
        return self.core.keys.add(self.owner, self.draft())

    def fields(self) -> dict[str, object]:
        named = {"name": "A", "department": "hr", "role": "r", "goal": "g", "model": "fake-1"}
        return {**named, "key_id": self.key().id}

    def agent(self) -> Agent:
        return self.core.agents.create(self.owner, self.fields())

    def shared(self) -> Agent:
        agent = self.agent()
        self.core.sharing.grant(self.owner, "agent", agent.id, EVERYONE, "view")
        return agent

    def run(self) -> Run:
        return self.core.runs.start_agent_run(self.owner, self.agent().id, "text")

    def cancelled_run(self) -> Run:
        return self.core.runs.cancel(self.owner, self.run().id)

    def working_run(self) -> Run:
        """Return a run whose node is at work."""
        run = self.run()
        self.core.journal.begin(run.id)
        assert self.core.journal.nodes.start(run, "agent")
        return run

    def doubtful_run(self) -> Run:
        """Return a run whose node may have acted or not."""
        run = self.working_run()
        assert self.core.journal.nodes.doubt(run, "agent")
        return run

    def approval(self) -> str:
        return ask(self.core, self.owner, person(self.owner)).id

    def agent_and_key(self) -> tuple[str, str]:
        agent = self.agent()
        return agent.id, agent.definition.key_id

    def graph(self) -> dict[str, Any]:
        node = {"id": "a", "kind": "agent", "agent_id": self.agent().id, "task": "Answer."}
        return {"nodes": [node], "edges": []}

    def drawing(self) -> dict[str, Any]:
        """Return the graph of a workflow that needs no inputs."""
        text = {"name": "text", "type": "text", "is_required": False}
        return {
            "nodes": [
                {"id": "start", "kind": "input", "fields": [text]},
                {"id": "a", "kind": "agent", "agent_id": self.agent().id, "task": "Answer {{text}}"},
            ],
            "edges": [{"source": "start", "target": "a"}],
        }

    def workflow(self) -> str:
        return self.core.workflows.create(self.owner, "W", DEPARTMENT, "", self.drawing()).id

    def published(self) -> str:
        """Return a workflow with two versions, of which the second one runs."""
        workflow_id = self.workflow()
        self.core.workflows.publish(self.owner, workflow_id)
        self.core.workflows.save_draft(self.owner, workflow_id, self.drawing(), 1)
        self.core.workflows.publish(self.owner, workflow_id)
        return workflow_id

    def planned(self, actor: User) -> ImportPlan:
        return self.core.interchange.plan_import(actor, WORKFLOW_FILE)

    def schedule(self) -> str:
        return self.core.schedules.create(self.owner, self.published(), SCHEDULE).id

    def trigger(self) -> str:
        return self.core.triggers.create(self.owner, self.published(), TriggerDraft("T")).trigger.id

    def budget(self) -> str:
        return self.core.budgets.add(self.owner, "agent", self.agent().id, "month", 1).budget.id

    def session(self) -> str:
        token = self.core.accounts.start_session(self.owner, "agent")
        return self.core.sessions.list(self.owner, token)[0].id

    def token(self, actor: User) -> str:
        return self.core.accounts.start_session(actor, "agent")

    def api_token(self) -> str:
        return self.core.tokens.create(self.owner, clock.new_id("t"), ["runs:read"], 1).token.id

    def connected(self) -> str:
        profile = Profile("https://issuer.example", clock.new_id("s"), self.owner.email, True, "Owner")
        tokens = Tokens(SecretStr("access-0123456789"), None, None, ())
        with self.core.db.transaction() as connection:
            self.core.oauth._identities.add(connection, self.owner, GOOGLE, profile, tokens)
        return self.core.oauth.list(self.owner)[-1].id

    def webhook(self) -> str:
        return self.core.webhooks.add(self.owner, HOOK).webhook.id

    def sent(self) -> tuple[str, str]:
        """Return a webhook and a delivery to it."""
        webhook_id = self.webhook()
        return webhook_id, self.core.webhook_deliveries.test(self.owner, webhook_id).id

    def passkey(self) -> str:
        options = self.core.passkeys.begin_adding(self.owner, SITE, "browser")
        return self.core.passkeys.add(self.owner, SITE, "browser", Authenticator().create(options)).id

    def somebody(self) -> str:
        address = f"{clock.new_id('p')}@example.com"
        made = self.core.accounts.create_user(address, "Somebody", PASSWORD, "member")
        return self.core.people.set_department(self.root(), made.id, DEPARTMENT).id

    def root(self) -> User:
        return self.core.accounts.create_user(f"{clock.new_id('r')}@example.com", "Root", PASSWORD, "admin")

    def mail(self) -> str:
        mail_id = clock.new_id("mail")
        fields = {"kind": "reset", "recipient": "a@example.com", "subject": "s", "status": "queued"}
        with self.core.db.transaction() as connection:
            insert_mail(connection, id=mail_id, created_at=NOW, due_at=NOW, **fields)
        return mail_id

    def price(self) -> OverrideDraft:
        return OverrideDraft("openai", clock.new_id("model"), 1, 1, None)

    def adjustment(self) -> str:
        return self.core.statements.adjust(self.root(), this_month(), "hr", 1, "Why").id

    def cost(self) -> SharedCost:
        return self.core.shared_costs.add(self.root(), shared_cost())

    def department(self) -> str:
        return self.core.departments.add(self.root(), clock.new_id("d")).slug
