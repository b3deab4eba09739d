"""The parts of a key's own page that tell how it does: warnings, figures, bars, who and what uses it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation, runtime
from app.ui import answer, charts, formats, key_state, layout, theme
from app.ui.share_dialog import ICONS, MAY
from core.accounts.models import User
from core.keys.models import Dependent, KeyHealth
from core.sharing.models import Share

PERIODS = {"7 days": 7, "30 days": 30}
MOST_ALARMS = 4
_KINDS = {"agent": ":material/smart_toy:", "run": ":material/play_circle:", "mail": ":material/outgoing_mail:"}


def warnings(health: KeyHealth) -> None:
    """Draw what keeps a key from working, or soon will."""
    key = health.key
    if key.disabled_at:
        st.info(
            f"Disabled {formats.ago(key.disabled_at)}: nothing runs on it until it is enabled again.",
            icon=":material/block:",
        )
    if health.trouble:
        st.error(answer.harmless(health.trouble), icon=":material/error:")
    if health.days_left is not None and health.state in ("expired", "expiring"):
        told = f"This key {formats.days_left(health.days_left)}"
        then = "The provider may refuse it: replace it" if health.days_left < 0 else "Replace it before that"
        st.warning(f"{told}. {then} under Edit, and what uses it goes on.", icon=":material/event:")


def moments(health: KeyHealth) -> str:
    """Return in words when a key was last tested and used, and until when it is good."""
    tested, used = health.key.tested_at, health.last_used_at
    found = [
        f"tested {formats.ago(tested)}" if tested else "never tested",
        f"used {formats.ago(used)}" if used else "not used" if health.is_looked_after else "not used by you lately",
        health.days_left is not None and formats.days_left(health.days_left),
    ]
    return " · ".join(str(fact) for fact in found if fact)


def figures(health: KeyHealth) -> None:
    """Draw the sums of a key's model calls; nothing for a key that is not used for them."""
    if not health.is_metered:
        return
    use, week, month = health.use, health.use.totals(7), health.use.totals(30)
    ended = use.failed + month.calls
    with layout.metric_row("key_figures"):
        st.metric("Spend, 7 days", formats.cost(week) if week.calls else "$0", border=True)
        st.metric("Spend, 30 days", formats.cost(month) if month.calls else "$0", border=True)
        st.metric("Calls, 30 days", f"{month.calls:,}", border=True, help=f"In the last 7 days {week.calls:,}.")
        about_failed = f"{use.failed:,} of {ended:,} calls." if ended else None
        st.metric("Failed, 30 days", formats.share(use.error_rate), border=True, help=about_failed)
    if not health.is_looked_after:
        st.caption("The figures are of your own calls; its owner sees those of everybody.")


def alarms(actor: User) -> None:
    """Draw which of somebody's own keys do not work or soon will not, with the way to each."""
    found = runtime.get_core().key_health.alarms(actor)
    if not found:
        return
    with st.container(border=True, gap="xsmall", key="key_alarms"):
        for health in found[:MOST_ALARMS]:
            what = f"{(health.trouble or 'It does not work').partition('. ')[0].rstrip('.')}."
            if health.state != "failing":
                what = f"It {formats.days_left(health.days_left or 0)}."
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                key_state.chip(health)
                navigation.link(navigation.KEY, f"**{answer.harmless(health.key.name)}**", id=health.key.id)
                st.caption(answer.harmless(what), width="content")
        if len(found) > MOST_ALARMS:
            navigation.link(navigation.KEYS, f"and {len(found) - MOST_ALARMS} more keys")


def use_per_day(health: KeyHealth) -> None:
    """Draw spend and calls per day, and the most frequent error."""
    if not health.is_metered:
        return
    use = health.use
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Use", anchor=False, width="content")
        period = _period() if use.last_at else "30 days"
    days = use.days[-PERIODS[period] :]
    if not any(day.totals.calls or day.failed for day in days):
        st.caption(f"No model calls in the last {period}.")
        return
    colours = theme.chart_colours()
    dates = [day.day for day in days]
    left, right = st.columns(2)
    spend = {"Spend": [day.totals.cost_micros / 1_000_000 for day in days]}
    left.plotly_chart(
        charts.bars_per_day(dates, spend, "Spend per day", colours, "$"),
        key="key_spend",
        config={"displayModeBar": False},
        alt="Spend per day",
    )
    calls = {"Calls": [day.totals.calls for day in days]}
    if any(day.failed for day in days):
        calls["Failed"] = [day.failed for day in days]
    right.plotly_chart(
        charts.bars_per_day(dates, calls, "Calls per day", [colours[0], colours[4]]),
        key="key_calls",
        config={"displayModeBar": False},
        alt="Calls per day",
    )
    unpriced = sum(day.totals.unpriced_calls for day in days)
    if unpriced:
        st.caption(f"The price of {unpriced:,} call(s) is unknown; they are not in the spend.")
    if use.errors:
        st.caption(f"Most frequent error ({use.errors[0].count:,}×): {answer.harmless(health.usual_error)}")


def _period() -> str:
    return st.segmented_control(
        "Period",
        list(PERIODS),
        default="30 days",
        required=True,
        label_visibility="collapsed",
        key="key_period",
        bind="query-params",
    )


def used_by(actor: User, dependents: Sequence[Dependent]) -> None:
    """Draw what works with a key, and whose it is."""
    st.subheader("Used by", anchor=False)
    if not dependents:
        st.caption("Nothing uses it.")
        return
    with st.container(border=True, gap="xsmall"):
        for one in dependents:
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                if one.owner_id == actor.id and one.kind == "agent":
                    navigation.link(navigation.AGENT, answer.harmless(one.name), icon=_KINDS["agent"], id=one.id)
                else:
                    st.markdown(f"{_KINDS[one.kind]} {answer.harmless(one.name)}", width="content")
                st.caption(whose(actor, one), width="content")


def who_may(shares: Sequence[Share]) -> None:
    """Draw whom a key is shared with and how far."""
    if not shares:
        st.caption("Private: nobody else has it.")
        return
    with st.container(border=True, gap="xsmall"):
        for share in shares:
            is_agent = share.grantee.kind == "agent"
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.markdown(f"{ICONS[share.grantee.kind]} {answer.harmless(share.name)}", width="content")
                st.caption("runs on it" if is_agent else MAY["key"][share.level], width="content")


def whose(actor: User, one: Dependent) -> str:
    """Return whose something is."""
    return "yours" if one.owner_id == actor.id else f"{answer.harmless(one.owner_name)}’s"
