"""Departments: everybody may read them, administrators edit them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Change, Input, Output, Page

router = new_router("departments")

Reads = Annotated[Principal, caller("account:read")]
Writes = Annotated[Principal, caller("admin:write")]
Slug = Annotated[str, Path(max_length=40, examples=["support"])]
Name = Annotated[str, Field(min_length=1, max_length=80, examples=["Support"])]


class DepartmentDraft(Input):
    """A new department; it comes last."""

    name: Name


class DepartmentChange(Change):
    """What to change of a department; a position behind the end is the last."""

    name: Name
    position: Annotated[int, Field(ge=1, le=10_000)]


class DepartmentShown(Output):
    """A department: ``slug`` is stable, ``name`` is what people read, ``position`` counts from 1."""

    slug: str
    name: str
    position: int


@router.get("/departments")
def list_departments(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[DepartmentShown]:
    """Return the departments in their order."""
    found, rest = cut(runtime.get_core().departments.all(), query, lambda department: department.slug)
    return Page(items=[DepartmentShown.model_validate(department) for department in found], next=rest)


@router.post("/departments", status_code=201)
def create_department(caller: Writes, body: DepartmentDraft, response: Response) -> DepartmentShown:
    """Add a department; its slug is made of its name."""
    department = runtime.get_core().departments.add(caller.user, body.name)
    response.headers["Location"] = f"/api/v1/departments/{department.slug}"
    return DepartmentShown.model_validate(department)


@router.get("/departments/{slug}", responses=problems(404))
def get_department(caller: Reads, slug: Slug) -> DepartmentShown:
    """Return one department."""
    return DepartmentShown.model_validate(runtime.get_core().departments.get(slug))


@router.patch("/departments/{slug}", responses=problems(404, 409))
def change_department(caller: Writes, slug: Slug, body: DepartmentChange) -> DepartmentShown:
    """Give a department another name or position; its slug and what belongs to it stay."""
    given = body.model_dump(exclude_unset=True)
    return DepartmentShown.model_validate(runtime.get_core().departments.change(caller.user, slug, **given))


@router.delete("/departments/{slug}", status_code=204, responses=problems(404, 409))
def delete_department(caller: Writes, slug: Slug) -> None:
    """Delete a department that nobody and nothing belongs to."""
    runtime.get_core().departments.delete(caller.user, slug)
