"""The audit log and what only administrators look after."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, for_admins
from tests.support.stage import Stage


def message(stage: Stage) -> Sent:
    return Sent({"message_id": stage.mail()})


def built_in_model(stage: Stage) -> Sent:
    """Whatever this machine can do."""
    stage.core.local_model.why_unavailable = lambda: None  # type: ignore[method-assign]
    return Sent()


CALLS = {
    "list_audit_entries": Call(for_admins(200)),
    "list_audit_actions": Call(for_admins(200)),
    "check_audit_chain": Call(for_admins(200)),
    "export_audit_entries": Call(for_admins(200)),
    "get_organisation": Call(for_admins(200)),
    "change_organisation": Call(for_admins(200), lambda _: Sent(body={"company_name": "Acme"})),
    "get_setup": Call(for_admins(200)),
    "note_setup_step": Call(for_admins(200), lambda _: Sent({"step": "company"}, {"state": "done"})),
    "finish_setup": Call(for_admins(200)),
    "postpone_setup": Call(for_admins(200)),
    "hide_setup_reminder": Call(for_admins(200)),
    "get_mail": Call(for_admins(200)),
    "choose_mail_key": Call(for_admins(200), lambda _: Sent(body={"api_key_id": None})),
    # Mail is not set up here.
    "send_test_mail": Call(for_admins(409)),
    "retry_waiting_mail": Call(for_admins(409)),
    "retry_mail_message": Call(for_admins(409), message),
    "list_mail_messages": Call(for_admins(200)),
    "get_mail_message": Call(for_admins(200), message),
    "get_workers": Call(for_admins(200)),
    "get_local_model": Call(everybody(200)),
    "prepare_local_model": Call(for_admins(202), built_in_model),
    # The master keys are a setting here, and there is only one.
    "get_master_keys": Call(for_admins(200)),
    "rotate_master_keys": Call(for_admins(409)),
    "remove_master_key": Call(for_admins(409), lambda _: Sent({"number": "1"})),
    "list_sign_in_providers": Call(for_admins(200)),
    # None is set up.
    "check_sign_in_provider": Call(for_admins(404), lambda _: Sent({"name": "google"})),
}
