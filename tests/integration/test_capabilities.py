"""Who may call what: every method that takes an actor, in one table, for six kinds of people.

A stranger is a member who reaches for what is Alice's; the others reach for what is their own. A manager is one of
the department that is reached for; the manager "elsewhere" is one of another department.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import CoreError
from core.keys.models import KeyChange
from core.passkeys.models import Assertion, Attestation
from core.runs.models import Parent, RunFilter
from core.runs.nodes.models import NODE
from core.runs.queue import RunQueue
from core.shared_costs.models import Rule
from core.sharing.models import EVERYONE
from core.triggers.models import TriggerDraft
from core.webhooks.models import WebhookChange
from core.workflows.interchange.models import Choices
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.support.stage import (
    ANSWER,
    DEPARTMENT,
    FLOW,
    HOOK,
    LIMIT,
    NOW,
    OTHER_DEPARTMENT,
    SCHEDULE,
    SITE,
    WORKFLOW_FILE,
    Stage,
    shared_cost,
    this_month,
)

ACTORS = ("stranger", "viewer", "member", "manager", "admin")


Call = Callable[[Stage, User], object]
Codes = tuple[str, str, str, str, str]


def everybody(code: str) -> Codes:
    return (code,) * 5


OWN: Codes = ("not_found", "ok", "ok", "ok", "ok")
FOR_MEMBERS: Codes = ("not_found", "forbidden", "ok", "ok", "ok")
FOR_MANAGERS: Codes = ("forbidden", "forbidden", "forbidden", "ok", "ok")
FOR_ADMINS: Codes = ("forbidden", "forbidden", "forbidden", "forbidden", "ok")
NOT_OVER: Codes = (*FOR_ADMINS[:-1], "conflict")
NO_MAIL: Codes = (*FOR_ADMINS[:-1], "mail_not_set_up")
ONE_MASTER_KEY: Codes = (*FOR_ADMINS[:-1], "conflict")

# What each method answers a stranger, a viewer, a member, a manager and an administrator.
TABLE: dict[str, tuple[Codes, Call]] = {
    "accounts.has_password": (everybody("ok"), lambda s, a: s.core.accounts.has_password(a)),
    "accounts.prove": (everybody("ok"), lambda s, a: s.core.accounts.prove(a, s.token(a), PASSWORD)),
    "agents.create": (FOR_MEMBERS, lambda s, a: s.core.agents.create(a, s.fields())),
    "agents.delete": (OWN, lambda s, a: s.core.agents.delete(a, s.agent().id)),
    "agents.get": (OWN, lambda s, a: s.core.agents.get(a, s.agent().id)),
    "agents.key_problem": (OWN, lambda s, a: s.core.agents.key_problem(a, s.agent().id)),
    "agents.list": (everybody("ok"), lambda s, a: s.core.agents.list(a)),
    "agents.require_run_as_it_was": (OWN, lambda s, a: s.core.agents.require_run_as_it_was(a, *s.agent_and_key())),
    "agents.runnable": (everybody("ok"), lambda s, a: s.core.agents.runnable(a)),
    "agents.to_run": (OWN, lambda s, a: s.core.agents.to_run(a, s.agent().id)),
    "agents.update": (FOR_MEMBERS, lambda s, a: s.core.agents.update(a, s.agent().id, s.fields(), 1)),
    "approvals.decide": (OWN, lambda s, a: s.core.approvals.decide(a, s.approval(), "approve")),
    "approvals.get": (OWN, lambda s, a: s.core.approvals.get(a, s.approval())),
    "approvals.list": (everybody("ok"), lambda s, a: s.core.approvals.list(a)),
    "approvals.waiting_count": (everybody("ok"), lambda s, a: s.core.approvals.waiting_count(a)),
    "audit.actions": (FOR_ADMINS, lambda s, a: s.core.audit.actions(a)),
    "audit.check": (FOR_ADMINS, lambda s, a: s.core.audit.check(a)),
    "audit.export": (FOR_ADMINS, lambda s, a: s.core.audit.export(a, NOW, NOW)),
    "audit.search": (FOR_ADMINS, lambda s, a: s.core.audit.search(a, NOW, NOW)),
    "budgets.add": (OWN, lambda s, a: s.core.budgets.add(a, "agent", s.agent().id, "day", 1)),
    "budgets.candidates": (everybody("ok"), lambda s, a: s.core.budgets.candidates(a, "person")),
    "budgets.change": (OWN, lambda s, a: s.core.budgets.change(a, s.budget(), 2)),
    "budgets.delete": (OWN, lambda s, a: s.core.budgets.delete(a, s.budget())),
    "budgets.get": (OWN, lambda s, a: s.core.budgets.get(a, s.budget())),
    "budgets.list": (everybody("ok"), lambda s, a: s.core.budgets.list(a)),
    "budgets.near_limit": (everybody("ok"), lambda s, a: s.core.budgets.near_limit(a)),
    "departments.add": (FOR_ADMINS, lambda s, a: s.core.departments.add(a, clock.new_id("d"))),
    "departments.change": (FOR_ADMINS, lambda s, a: s.core.departments.change(a, "hr", position=2)),
    "departments.delete": (FOR_ADMINS, lambda s, a: s.core.departments.delete(a, s.department())),
    "departments.move": (FOR_ADMINS, lambda s, a: s.core.departments.move(a, "hr", 1)),
    "departments.rename": (FOR_ADMINS, lambda s, a: s.core.departments.rename(a, "hr", clock.new_id("d"))),
    "estimates.of_agent_run": (OWN, lambda s, a: s.core.estimates.of_agent_run(a, s.agent().id)),
    "estimates.of_workflow_run": (OWN, lambda s, a: s.core.estimates.of_workflow_run(a, s.published())),
    "key_care.disable": (FOR_MEMBERS, lambda s, a: s.core.key_care.disable(a, s.key().id)),
    "key_care.enable": (FOR_MEMBERS, lambda s, a: s.core.key_care.enable(a, s.key().id)),
    "key_care.set_expiry": (FOR_MEMBERS, lambda s, a: s.core.key_care.set_expiry(a, s.key().id, None)),
    "key_health.alarms": (everybody("ok"), lambda s, a: s.core.key_health.alarms(a)),
    "key_health.get": (OWN, lambda s, a: s.core.key_health.get(a, s.key().id)),
    "key_health.list": (everybody("ok"), lambda s, a: s.core.key_health.list(a)),
    "key_health.what_breaks": (OWN, lambda s, a: s.core.key_health.what_breaks(a, s.key().id)),
    "keys.add": (("ok", "forbidden", "ok", "ok", "ok"), lambda s, a: s.core.keys.add(a, s.draft())),
    "keys.change": (FOR_MEMBERS, lambda s, a: s.core.keys.change(a, s.key().id, KeyChange(disabled=True))),
    "keys.change_address": (
        FOR_MEMBERS,
        lambda s, a: s.core.keys.change_address(a, s.key().id, s.draft().base_url, "zk-New-1"),
    ),
    "keys.delete": (OWN, lambda s, a: s.core.keys.delete(a, s.key().id)),
    "keys.get": (OWN, lambda s, a: s.core.keys.get(a, s.key().id)),
    "keys.list": (everybody("ok"), lambda s, a: s.core.keys.list(a)),
    "keys.models": (OWN, lambda s, a: s.core.keys.models(a, s.key().id)),
    "keys.open": (OWN, lambda s, a: s.core.keys.open(a, s.key().id)),
    "keys.open_service": (
        ("not_found", *["wrong_kind_of_key"] * 4),
        lambda s, a: s.core.keys.open_service(a, s.key().id),
    ),
    "keys.rename": (FOR_MEMBERS, lambda s, a: s.core.keys.rename(a, s.key().id, clock.new_id("name"))),
    "keys.replace_secret": (FOR_MEMBERS, lambda s, a: s.core.keys.replace_secret(a, s.key().id, "zk-New-1")),
    "keys.require_usable": (OWN, lambda s, a: s.core.keys.require_usable(a, s.key().id)),
    "key_care.set_pool": (FOR_ADMINS, lambda s, a: s.core.key_care.set_pool(a, s.key().id, True)),
    "keys.test": (OWN, lambda s, a: s.core.keys.test(a, s.key().id)),
    "local_model.prepare": (FOR_ADMINS, lambda s, a: s.core.local_model.prepare(a)),
    "mail.choices": (FOR_ADMINS, lambda s, a: s.core.mail.choices(a)),
    "mail.choose_key": (FOR_ADMINS, lambda s, a: s.core.mail.choose_key(a, None)),
    "mail.get": (FOR_ADMINS, lambda s, a: s.core.mail.get(a, s.mail())),
    "mail.list": (FOR_ADMINS, lambda s, a: s.core.mail.list(a, "waiting")),
    "mail.retry": (NO_MAIL, lambda s, a: s.core.mail.retry(a, "mail_1")),
    "mail.retry_waiting": (NO_MAIL, lambda s, a: s.core.mail.retry_waiting(a)),
    "mail.send_test": (NO_MAIL, lambda s, a: s.core.mail.send_test(a)),
    "mail.status": (FOR_ADMINS, lambda s, a: s.core.mail.status(a)),
    "master_keys.remove": (ONE_MASTER_KEY, lambda s, a: s.core.master_keys.remove(a, 1)),
    "master_keys.rotate": (ONE_MASTER_KEY, lambda s, a: s.core.master_keys.rotate(a)),
    "master_keys.status": (FOR_ADMINS, lambda s, a: s.core.master_keys.status(a)),
    "mail_links.change_password": (
        everybody("invalid"),
        lambda s, a: s.core.mail_links.change_password(a, s.token(a), "not the password", PASSWORD + " again"),
    ),
    "mail_links.invite": (
        ("forbidden", "forbidden", "forbidden", "mail_not_set_up", "mail_not_set_up"),
        lambda s, a: s.core.mail_links.invite(a, "dora@example.com", "member", DEPARTMENT),
    ),
    "mail_links.send_verification": (
        everybody("mail_not_set_up"),
        lambda s, a: s.core.mail_links.send_verification(a),
    ),
    "mail_links.verified_at": (everybody("ok"), lambda s, a: s.core.mail_links.verified_at(a)),
    "oauth.begin": (
        everybody("not_found"),
        lambda s, a: s.core.oauth.begin(a, "google", "browser", "http://127.0.0.1/oauth", "/"),
    ),
    "oauth.check": (
        ("forbidden", "forbidden", "forbidden", "forbidden", "not_found"),
        lambda s, a: s.core.oauth.check(a, "google", "http://127.0.0.1/oauth"),
    ),
    "oauth.check_connection": (
        everybody("not_found"),
        lambda s, a: s.core.oauth.check_connection(a, "identity_1"),
    ),
    "oauth.disconnect": (everybody("not_found"), lambda s, a: s.core.oauth.disconnect(a, "identity_1")),
    "oauth.finish": (everybody("not_found"), lambda s, a: s.core.oauth.finish(a, FLOW, ANSWER)),
    "oauth.fresh_token": (everybody("not_found"), lambda s, a: s.core.oauth.fresh_token(a, "identity_1")),
    "oauth.list": (everybody("ok"), lambda s, a: s.core.oauth.list(a)),
    "oauth.states": (FOR_ADMINS, lambda s, a: s.core.oauth.states(a)),
    "organisation.change": (FOR_ADMINS, lambda s, a: s.core.organisation.change(a, {"company_name": "Acme"})),
    "organisation.look": (FOR_ADMINS, lambda s, a: s.core.organisation.look(a)),
    "passkeys.add": (
        everybody("passkey_refused"),
        lambda s, a: s.core.passkeys.add(a, SITE, "browser", Attestation(b"id", b"", b"")),
    ),
    "passkeys.begin_adding": (everybody("ok"), lambda s, a: s.core.passkeys.begin_adding(a, SITE, "browser")),
    "passkeys.begin_proof": (everybody("not_found"), lambda s, a: s.core.passkeys.begin_proof(a, SITE, "browser")),
    "passkeys.list": (everybody("ok"), lambda s, a: s.core.passkeys.list(a)),
    "passkeys.prove": (
        everybody("passkey_refused"),
        lambda s, a: s.core.passkeys.prove(a, s.token(a), SITE, "browser", Assertion(b"id", b"", b"", b"")),
    ),
    "passkeys.remove": (OWN, lambda s, a: s.core.passkeys.remove(a, s.passkey())),
    "passkeys.rename": (OWN, lambda s, a: s.core.passkeys.rename(a, s.passkey(), "Mine")),
    "people.change": (
        FOR_MANAGERS,
        lambda s, a: s.core.people.change(a, s.somebody(), "viewer", DEPARTMENT),
    ),
    "people.end_sessions": (FOR_MANAGERS, lambda s, a: s.core.people.end_sessions(a, s.somebody())),
    "people.get": (FOR_MANAGERS, lambda s, a: s.core.people.get(a, s.somebody())),
    "people.list": (FOR_MANAGERS, lambda s, a: s.core.people.list(a)),
    "people.reactivate": (FOR_MANAGERS, lambda s, a: s.core.people.reactivate(a, s.somebody())),
    "people.set_department": (
        FOR_ADMINS,
        lambda s, a: s.core.people.set_department(a, s.somebody(), "finance"),
    ),
    "people.set_role": (FOR_MANAGERS, lambda s, a: s.core.people.set_role(a, s.somebody(), "viewer")),
    "people.suspend": (FOR_MANAGERS, lambda s, a: s.core.people.suspend(a, s.somebody())),
    "prices.end": (FOR_ADMINS, lambda s, a: s.core.prices.end(a, s.core.prices.set(s.root(), s.price()).id)),
    "prices.is_known": (everybody("ok"), lambda s, a: s.core.prices.is_known(a, "openai", "gpt-4o")),
    "prices.models_in_use": (FOR_ADMINS, lambda s, a: s.core.prices.models_in_use(a)),
    "prices.of": (everybody("ok"), lambda s, a: s.core.prices.of(a, "openai", "gpt-4o")),
    "prices.overrides": (FOR_ADMINS, lambda s, a: s.core.prices.overrides(a)),
    "prices.set": (FOR_ADMINS, lambda s, a: s.core.prices.set(a, s.price())),
    "quotas.list": (everybody("ok"), lambda s, a: s.core.quotas.list(a)),
    "quotas.put": (FOR_MANAGERS, lambda s, a: s.core.quotas.put(a, "person", s.somebody(), LIMIT)),
    "quotas.remove": (
        ("not_found", "not_found", "not_found", "ok", "ok"),
        lambda s, a: s.core.quotas.remove(a, s.core.quotas.put(s.root(), "person", s.somebody(), LIMIT).id),
    ),
    "quotas.subjects": (everybody("ok"), lambda s, a: s.core.quotas.subjects(a)),
    "runs.backlog": (FOR_ADMINS, lambda s, a: s.core.runs.backlog(a)),
    "runs.cancel": (OWN, lambda s, a: s.core.runs.cancel(a, s.run().id)),
    "runs.events": (OWN, lambda s, a: s.core.runs.events(a, s.run().id)),
    "runs.get": (OWN, lambda s, a: s.core.runs.get(a, s.run().id)),
    "runs.graph": (OWN, lambda s, a: s.core.runs.graph(a, s.run().id)),
    "runs.lineage": (OWN, lambda s, a: s.core.runs.lineage(a, s.run().id)),
    "runs.list": (everybody("ok"), lambda s, a: s.core.runs.list(a)),
    "runs.live_workers": (FOR_ADMINS, lambda s, a: s.core.runs.live_workers(a)),
    "runs.model_calls": (OWN, lambda s, a: s.core.runs.model_calls(a, s.run().id)),
    "runs.node_states": (OWN, lambda s, a: s.core.runs.node_states(a, s.run().id)),
    "runs.node_totals": (OWN, lambda s, a: s.core.runs.node_totals(a, s.run().id)),
    "runs.page": (everybody("ok"), lambda s, a: s.core.runs.page(a, RunFilter())),
    "runs.place": (OWN, lambda s, a: s.core.runs.place(a, s.run().id)),
    "runs.resume": (FOR_MEMBERS, lambda s, a: s.core.runs.resume(a, s.cancelled_run().id)),
    "runs.retry": (FOR_MEMBERS, lambda s, a: s.core.runs.retry(a, s.cancelled_run().id)),
    "runs.run_again_from": (
        FOR_MEMBERS,
        lambda s, a: s.core.runs.run_again_from(a, s.cancelled_run().id, "agent"),
    ),
    "runs.run_inside": (
        FOR_MEMBERS,
        lambda s, a: s.core.runs.run_inside(a, Parent(s.working_run().id, "agent", 0), s.published(), {}, None),
    ),
    "runs.settle_doubt": (
        FOR_MEMBERS,
        lambda s, a: s.core.runs.settle_doubt(a, s.doubtful_run().id, "agent", NODE, True),
    ),
    "runs.share": (FOR_MEMBERS, lambda s, a: s.core.runs.share(a, s.run().id)),
    "runs.start_agent_run": (FOR_MEMBERS, lambda s, a: s.core.runs.start_agent_run(a, s.agent().id, "text")),
    "runs.start_graph_run": (
        FOR_MEMBERS,
        lambda s, a: s.core.runs.start_graph_run(a, "G", s.graph(), {"input": "x"}),
    ),
    "runs.start_workflow_run": (
        FOR_MEMBERS,
        lambda s, a: s.core.runs.start_workflow_run(a, s.published(), {}),
    ),
    "runs.test_node": (FOR_MEMBERS, lambda s, a: s.core.runs.test_node(a, s.workflow(), "a", {})),
    "runs.unshare": (OWN, lambda s, a: s.core.runs.unshare(a, s.run().id)),
    "interchange.apply_import": (
        ("ok", "forbidden", "ok", "ok", "ok"),
        lambda s, a: s.core.interchange.apply_import(
            a, s.core.interchange.plan_import(a, WORKFLOW_FILE), Choices()
        ),
    ),
    "interchange.export": (OWN, lambda s, a: s.core.interchange.export(a, s.workflow(), "json")),
    "interchange.plan_import": (
        ("ok", "forbidden", "ok", "ok", "ok"),
        lambda s, a: s.core.interchange.plan_import(a, WORKFLOW_FILE),
    ),
    "schedules.change": (FOR_MEMBERS, lambda s, a: s.core.schedules.change(a, s.schedule(), SCHEDULE, 1)),
    "schedules.create": (FOR_MEMBERS, lambda s, a: s.core.schedules.create(a, s.published(), SCHEDULE)),
    "schedules.delete": (OWN, lambda s, a: s.core.schedules.delete(a, s.schedule())),
    "schedules.get": (OWN, lambda s, a: s.core.schedules.get(a, s.schedule())),
    "schedules.go_on": (FOR_MEMBERS, lambda s, a: s.core.schedules.go_on(a, s.schedule())),
    "schedules.history": (OWN, lambda s, a: s.core.schedules.history(a, s.schedule())),
    "schedules.list": (everybody("ok"), lambda s, a: s.core.schedules.list(a)),
    "schedules.pause": (OWN, lambda s, a: s.core.schedules.pause(a, s.schedule())),
    "triggers.change": (FOR_MEMBERS, lambda s, a: s.core.triggers.change(a, s.trigger(), TriggerDraft("T"), 1)),
    "triggers.create": (FOR_MEMBERS, lambda s, a: s.core.triggers.create(a, s.published(), TriggerDraft("T"))),
    "triggers.delete": (OWN, lambda s, a: s.core.triggers.delete(a, s.trigger())),
    "triggers.get": (OWN, lambda s, a: s.core.triggers.get(a, s.trigger())),
    "triggers.go_on": (FOR_MEMBERS, lambda s, a: s.core.triggers.go_on(a, s.trigger())),
    "triggers.history": (OWN, lambda s, a: s.core.triggers.history(a, s.trigger())),
    "triggers.list": (everybody("ok"), lambda s, a: s.core.triggers.list(a)),
    "triggers.pause": (OWN, lambda s, a: s.core.triggers.pause(a, s.trigger())),
    "triggers.rotate_secret": (FOR_MEMBERS, lambda s, a: s.core.triggers.rotate_secret(a, s.trigger())),
    "sessions.end": (OWN, lambda s, a: s.core.sessions.end(a, s.session())),
    "sessions.end_others": (everybody("ok"), lambda s, a: s.core.sessions.end_others(a, None)),
    "sessions.list": (everybody("ok"), lambda s, a: s.core.sessions.list(a)),
    "shared_costs.add": (FOR_ADMINS, lambda s, a: s.core.shared_costs.add(a, shared_cost())),
    "shared_costs.change": (FOR_ADMINS, lambda s, a: s.core.shared_costs.change(a, s.cost())),
    "shared_costs.delete": (FOR_ADMINS, lambda s, a: s.core.shared_costs.delete(a, s.cost().id)),
    "shared_costs.list": (FOR_ADMINS, lambda s, a: s.core.shared_costs.list(a)),
    "shared_costs.rules": (FOR_ADMINS, lambda s, a: s.core.shared_costs.rules(a)),
    "shared_costs.set_rule": (FOR_ADMINS, lambda s, a: s.core.shared_costs.set_rule(a, "default", Rule("heads"))),
    "sharing.colleague_at": (everybody("ok"), lambda s, a: s.core.sharing.colleague_at(a, "alice@example.com")),
    "sharing.colleagues": (everybody("ok"), lambda s, a: s.core.sharing.colleagues(a)),
    "sharing.grant": (OWN, lambda s, a: s.core.sharing.grant(a, "agent", s.agent().id, EVERYONE, "view")),
    "sharing.list": (OWN, lambda s, a: s.core.sharing.list(a, "agent", s.agent().id)),
    "sharing.revoke": (
        ("forbidden", "ok", "ok", "ok", "ok"),
        lambda s, a: s.core.sharing.revoke(a, "agent", s.shared().id, EVERYONE),
    ),
    "setup.finish": (FOR_ADMINS, lambda s, a: s.core.setup.finish(a)),
    "setup.hide_reminder": (FOR_ADMINS, lambda s, a: s.core.setup.hide_reminder(a)),
    "setup.note_step": (FOR_ADMINS, lambda s, a: s.core.setup.note_step(a, "company", "done")),
    "setup.opens_by_itself": (everybody("ok"), lambda s, a: s.core.setup.opens_by_itself(a)),
    "setup.postpone": (FOR_ADMINS, lambda s, a: s.core.setup.postpone(a)),
    "setup.progress": (FOR_ADMINS, lambda s, a: s.core.setup.progress(a)),
    "setup.reminder": (everybody("ok"), lambda s, a: s.core.setup.reminder(a)),
    "statements.adjust": (FOR_ADMINS, lambda s, a: s.core.statements.adjust(a, this_month(), "hr", 1, "Why")),
    "statements.close": (NOT_OVER, lambda s, a: s.core.statements.close(a, this_month())),
    "statements.export": (everybody("ok"), lambda s, a: s.core.statements.export(a, this_month())),
    "statements.get": (FOR_MANAGERS, lambda s, a: s.core.statements.get(a, this_month(), "department")),
    "statements.months": (everybody("ok"), lambda s, a: s.core.statements.months(a)),
    "statements.reverse": (FOR_ADMINS, lambda s, a: s.core.statements.reverse(a, s.adjustment())),
    "statements.views": (everybody("ok"), lambda s, a: s.core.statements.views(a)),
    "idempotency.begin": (everybody("ok"), lambda s, a: s.core.idempotency.begin(a, "key", b"request")),
    "logins.logout": (OWN, lambda s, a: s.core.logins.logout(a, s.session())),
    "tokens.create": (everybody("ok"), lambda s, a: s.core.tokens.create(a, clock.new_id("t"), ["runs:read"], 1)),
    "tokens.get": (OWN, lambda s, a: s.core.tokens.get(a, s.api_token())),
    "tokens.list": (everybody("ok"), lambda s, a: s.core.tokens.list(a)),
    "tokens.revoke": (OWN, lambda s, a: s.core.tokens.revoke(a, s.api_token())),
    "webhook_deliveries.get": (OWN, lambda s, a: s.core.webhook_deliveries.get(a, *s.sent())),
    "webhook_deliveries.list": (OWN, lambda s, a: s.core.webhook_deliveries.list(a, s.webhook())),
    "webhook_deliveries.replay": (OWN, lambda s, a: s.core.webhook_deliveries.replay(a, *s.sent())),
    "webhook_deliveries.replay_failed": (OWN, lambda s, a: s.core.webhook_deliveries.replay_failed(a, s.webhook())),
    "webhook_deliveries.test": (OWN, lambda s, a: s.core.webhook_deliveries.test(a, s.webhook())),
    "webhooks.add": (everybody("ok"), lambda s, a: s.core.webhooks.add(a, HOOK)),
    "webhooks.change": (OWN, lambda s, a: s.core.webhooks.change(a, s.webhook(), WebhookChange(is_active=False))),
    "webhooks.delete": (OWN, lambda s, a: s.core.webhooks.delete(a, s.webhook())),
    "webhooks.get": (OWN, lambda s, a: s.core.webhooks.get(a, s.webhook())),
    "webhooks.list": (everybody("ok"), lambda s, a: s.core.webhooks.list(a)),
    "webhooks.rotate_secret": (OWN, lambda s, a: s.core.webhooks.rotate_secret(a, s.webhook())),
    "workflows.archive": (FOR_MEMBERS, lambda s, a: s.core.workflows.archive(a, s.workflow())),
    "workflows.change": (FOR_MEMBERS, lambda s, a: s.core.workflows.change(a, s.workflow(), name="Other")),
    "workflows.create": (
        ("ok", "forbidden", "ok", "ok", "ok"),
        lambda s, a: s.core.workflows.create(a, "W", DEPARTMENT),
    ),
    "workflows.delete": (OWN, lambda s, a: s.core.workflows.delete(a, s.workflow())),
    "workflows.difference": (OWN, lambda s, a: s.core.workflows.difference(a, s.published(), 1, 2)),
    "workflows.duplicate": (FOR_MEMBERS, lambda s, a: s.core.workflows.duplicate(a, s.workflow())),
    "workflows.facts": (OWN, lambda s, a: s.core.workflows.facts(a, s.workflow())),
    "workflows.get": (OWN, lambda s, a: s.core.workflows.get(a, s.workflow())),
    "workflows.list": (everybody("ok"), lambda s, a: s.core.workflows.list(a)),
    "workflows.problems": (everybody("ok"), lambda s, a: s.core.workflows.problems(a, s.drawing())),
    "workflows.publish": (FOR_MEMBERS, lambda s, a: s.core.workflows.publish(a, s.workflow())),
    "workflows.roll_back": (FOR_MEMBERS, lambda s, a: s.core.workflows.roll_back(a, s.published(), 1)),
    "workflows.settings": (OWN, lambda s, a: s.core.workflows.settings(a, s.workflow(), "a")),
    "workflows.save_draft": (
        FOR_MEMBERS,
        lambda s, a: s.core.workflows.save_draft(a, s.workflow(), s.drawing(), 1),
    ),
    "workflows.to_run": (OWN, lambda s, a: s.core.workflows.to_run(a, s.published())),
    "workflows.to_test": (FOR_MEMBERS, lambda s, a: s.core.workflows.to_test(a, s.workflow())),
    "workflows.unarchive": (FOR_MEMBERS, lambda s, a: s.core.workflows.unarchive(a, s.workflow())),
    "workflows.version": (OWN, lambda s, a: s.core.workflows.version(a, s.published(), 1)),
    "workflows.versions": (OWN, lambda s, a: s.core.workflows.versions(a, s.published())),
    "tool_mail.send": (
        everybody("recipient_refused"),
        lambda s, a: s.core.tool_mail.send(a, "eve@evil.example", "Hello", "Hello", "key"),
    ),
    "two_factor.begin": (everybody("ok"), lambda s, a: s.core.two_factor.begin(a)),
    "two_factor.disable": (everybody("code_refused"), lambda s, a: s.core.two_factor.disable(a, "000000")),
    "two_factor.enable": (everybody("code_refused"), lambda s, a: s.core.two_factor.enable(a, "000000")),
    "two_factor.new_recovery_codes": (
        everybody("conflict"),
        lambda s, a: s.core.two_factor.new_recovery_codes(a),
    ),
    "two_factor.pending": (everybody("ok"), lambda s, a: s.core.two_factor.pending(a)),
    "two_factor.prove": (everybody("ok"), lambda s, a: s.core.two_factor.prove(a, s.token(a), PASSWORD)),
    "two_factor.reset": (FOR_ADMINS, lambda s, a: s.core.two_factor.reset(a, s.somebody())),
    "two_factor.state": (everybody("ok"), lambda s, a: s.core.two_factor.state(a)),
    "usage.by": (FOR_ADMINS, lambda s, a: s.core.usage.by(a, "model", NOW, NOW, "everybody")),
    "usage.by_day_and_model": (everybody("ok"), lambda s, a: s.core.usage.by_day_and_model(a, NOW, NOW)),
    "usage.by_person": (FOR_ADMINS, lambda s, a: s.core.usage.by_person(a, NOW, NOW, "everybody")),
    "usage.scopes": (everybody("ok"), lambda s, a: s.core.usage.scopes(a)),
    "usage.recent": (everybody("ok"), lambda s, a: s.core.usage.recent(a, NOW, NOW)),
    "usage.totals": (everybody("ok"), lambda s, a: s.core.usage.totals(a, NOW, NOW)),
}


# What a manager is answered who reaches for another department, where that is not what a manager is answered.
ELSEWHERE: dict[str, str] = {
    "mail_links.invite": "forbidden",
    "people.change": "not_found",
    "people.end_sessions": "not_found",
    "people.get": "not_found",
    "people.reactivate": "not_found",
    "people.set_department": "not_found",
    "people.set_role": "not_found",
    "people.suspend": "not_found",
    "quotas.put": "not_found",
    "quotas.remove": "not_found",
}


def methods_with_actor() -> set[str]:
    found = set()
    nouns = get_type_hints(Core)
    for noun in fields(Core):
        for name, method in inspect.getmembers(nouns[noun.name], inspect.isfunction):
            if not name.startswith("_") and list(inspect.signature(method).parameters)[1:2] == ["actor"]:
                found.add(f"{noun.name}.{name}")
    return found


def test_every_method_that_takes_an_actor_is_in_the_table() -> None:
    assert methods_with_actor() == set(TABLE)


@pytest.mark.parametrize("kind", [*ACTORS, "elsewhere"])
def test_every_method_answers_as_the_table_says(
    core: Core, fake: FakeModelServer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)
    monkeypatch.setattr(core.local_model, "why_unavailable", lambda: None)
    alice = core.accounts.create_user("alice@example.com", "Alice", PASSWORD, "member")
    role: Any = {"stranger": "member", "elsewhere": "manager"}.get(kind, kind)
    actor = core.accounts.create_user("actor@example.com", "Actor", PASSWORD, role)
    department = OTHER_DEPARTMENT if kind == "elsewhere" else DEPARTMENT
    root = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    core.people.set_department(root, actor.id, department)
    actor = replace(actor, department=department)
    stage = Stage(core, fake, alice if kind == "stranger" else actor)
    wrong = {}
    for name, (codes, call) in TABLE.items():
        try:
            call(stage, actor)
            code = "ok"
        except CoreError as error:
            code = error.code
        expected = codes[ACTORS.index("manager" if kind == "elsewhere" else kind)]
        if code != (ELSEWHERE.get(name, expected) if kind == "elsewhere" else expected):
            wrong[name] = code
    assert wrong == {}
