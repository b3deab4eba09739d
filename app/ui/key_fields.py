"""The fields of a kind of key: only those that it asks for, each with where to find it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core.keys.kind import Field, Kind
from core.keys.models import Family, Group, Key

# Under which headings kinds are chosen: heading, how the choice is called, what the heading is about.
GROUPS: dict[Group, tuple[str, str, str]] = {
    "models": ("Models", "Provider", "Keys with which agents use a model."),
    "local": ("Local servers", "Server", "Models on machines of your own, which an administrator has allowed."),
    "email": ("E-mail", "Service", "Services that send mail; an administrator chooses one on the page E-mail."),
    "services": ("Services", "How it takes the secret", "Other services, whose data tools of agents may fetch."),
}
# Fields that stand beside each other.
_BESIDE = {"port": "host"}


@dataclass(frozen=True)
class Typed:
    """What was typed; never printed, for it has the secret."""

    secret: str
    base_url: str
    settings: dict[str, str]

    def __repr__(self) -> str:
        """Leave everything out."""
        return "Typed()"


def choose(kinds: Sequence[Kind], family: Family | None, first: Group | None) -> Kind:
    """Draw the choice of a kind, by heading; only those of a family if that is told."""
    offered = [kind for kind in kinds if family in (None, kind.family)]
    groups = [group for group in GROUPS if any(kind.group == group for kind in offered)]
    group = first if first in groups else groups[0]
    if len(groups) > 1:
        group = st.segmented_control(
            "What the key is for",
            groups,
            default=group,
            format_func=lambda one: GROUPS[one][0],
            required=True,
            key="keys_group",
        )
        st.caption(GROUPS[group][2])
    of_group = {kind.name: kind for kind in offered if kind.group == group}
    name = st.selectbox(
        GROUPS[group][1],
        list(of_group),
        format_func=lambda one: of_group[one].label,
        key="keys_provider" if group == "models" else f"keys_provider_{group}",
    )
    kind = of_group[name]
    st.caption(kind.about)
    if kind.needs_secret or kind.secret_is_words:
        st.caption(f":material/key: {kind.secret_help}")
    return kind


def draw(kind: Kind, key_of: Callable[[str], str], known: Key | None = None) -> Typed:
    """Draw address, settings and secret of a kind; ``key_of`` names the widgets, ``known`` fills them in."""
    base_url, settings = "", {}
    if kind.asks_base_url:
        base_url = st.text_input(
            "Address",
            known.base_url if known else kind.default_base_url,
            placeholder="https://models.example.com/v1",
            help=kind.address_help or None,
            key=key_of("url"),
        )
    leading = [field for field in kind.fields if field.leads]
    settings.update(_fields(leading, key_of, known))
    secret = draw_secret(kind, key_of("secret")) if kind.asks_secret else ""
    settings.update(_fields([field for field in kind.fields if not field.leads], key_of, known))
    return Typed(secret, base_url, settings)


def draw_secret(kind: Kind, key: str) -> str:
    """Draw the field of the secret."""
    # A mail server without a password is rare, so it is not called optional there.
    is_optional = not (kind.needs_secret or kind.secret_is_words)
    return st.text_input(
        f"{kind.secret_label} (optional)" if is_optional else kind.secret_label,
        type="password",
        autocomplete="off",
        help=kind.secret_help if is_optional else None,
        key=key,
    )


def _fields(fields: Sequence[Field], key_of: Callable[[str], str], known: Key | None) -> dict[str, str]:
    typed: dict[str, str] = {}
    beside = {_BESIDE[field.name]: field for field in fields if field.name in _BESIDE}
    for field in fields:
        if field.name in _BESIDE:
            continue
        neighbour = beside.get(field.name)
        if neighbour is None:
            typed[field.name] = _field(field, key_of, known)
            continue
        wide, narrow = st.columns([3, 1])
        with wide:
            typed[field.name] = _field(field, key_of, known)
        with narrow:
            typed[neighbour.name] = _field(neighbour, key_of, known)
    return typed


def _field(field: Field, key_of: Callable[[str], str], known: Key | None) -> str:
    value = known.settings.get(field.name, field.default) if known else field.default
    label = field.label if field.is_needed else f"{field.label} (optional)"
    if field.choices:
        names = list(field.choices)
        return st.selectbox(
            label,
            names,
            index=names.index(value) if value in names else 0,
            format_func=field.choices.__getitem__,
            help=field.help or None,
            key=key_of(field.name),
        )
    return st.text_input(
        label, value, placeholder=field.placeholder or None, help=field.help or None, key=key_of(field.name)
    )
