"""People and departments."""

from __future__ import annotations

from core import clock
from tests.api.calls.call import Call, Sent, everybody, for_admins, for_managers
from tests.support.stage import DEPARTMENT, Stage


def person(stage: Stage) -> Sent:
    return Sent({"person_id": stage.somebody()})


def invitation(_stage: Stage) -> Sent:
    return Sent(body={"email": f"{clock.new_id('p')}@example.com", "department": DEPARTMENT})


def department(stage: Stage) -> Sent:
    return Sent({"slug": stage.department()})


CALLS = {
    "list_people": Call(for_managers(200)),
    "get_person": Call(for_managers(200), person),
    "change_person": Call(for_managers(200), lambda stage: Sent(person(stage).path, {"role": "viewer"})),
    "invite_person": Call(for_managers(201), invitation),
    "suspend_person": Call(for_managers(200), person),
    "reactivate_person": Call(for_managers(200), person),
    "end_sessions_of_person": Call(for_managers(200), person),
    "reset_two_factor_of_person": Call(for_admins(200), person),
    "list_departments": Call(everybody(200)),
    "get_department": Call(everybody(200), department),
    "create_department": Call(for_admins(201), lambda _: Sent(body={"name": clock.new_id("d")})),
    "change_department": Call(for_admins(200), lambda stage: Sent(department(stage).path, {"position": 1})),
    "delete_department": Call(for_admins(204), department),
}
