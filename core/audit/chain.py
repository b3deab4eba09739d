"""Checks the chain of the audit log from its first entry to its seal."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable

from core.audit.head import Head
from core.audit.models import RECOVERED, AuditEntry, ChainCheck
from core.audit.segments import Segment, segment_at

# An entry, the MAC before it, its own, and where the log is noted to end with the seal of that.
Link = tuple[AuditEntry, str, str, tuple[Head, str] | None]


def mac_of(key: bytes, entry: AuditEntry, previous: str) -> str:
    """Return what chains an entry to the one before."""
    values = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
    values["at"] = entry.at.isoformat()
    if not entry.on_behalf_of:
        del values["on_behalf_of"]  # entries from before this column are sealed without it
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, (previous + canonical).encode(), hashlib.sha256).hexdigest()


def is_sealed(segments: list[Segment], noted: tuple[Head, str] | None) -> bool:
    """Whether a noted end was written by somebody with the key of its segment."""
    if noted is None:
        return False
    key = segment_at(segments, noted[0].seq).key
    return key is not None and hmac.compare_digest(noted[1], noted[0].sealed(key))


def check_chain(
    links: Iterable[Link], segments: list[Segment], no_entries: tuple[Head, str] | None, seen: Head | None
) -> ChainCheck:
    """Check every entry and the end.

    Args:
        links: the entries, oldest first.
        segments: the keys, oldest first. Entries whose key is gone count as unchecked, if a later entry that can be
            checked says that the master key was lost: nobody can just pretend it.
        no_entries: the noted end where there is no entry.
        seen: an end that was once told to the log stream.
    """
    count = unchecked = vouched = 0
    previous, noted = "", no_entries
    for entry, stored_previous, mac, noted in links:
        count += 1
        key = segment_at(segments, count).key
        fits = entry.seq == count and stored_previous == previous
        if not fits or (key is not None and not hmac.compare_digest(mac, mac_of(key, entry, previous))):
            return ChainCheck(count, entry.seq, "changed")
        if key is None:
            unchecked += 1
        elif entry.action == RECOVERED:
            vouched = count
        ends = [end for end in (seen, noted[0] if noted else None) if end and end.seq == count]
        if any(end.mac != mac and (end is seen or is_sealed(segments, noted)) for end in ends):
            return ChainCheck(count, count, "cut")  # and then it went on with another entry
        previous = mac
    lost = [s.first_seq for s in segments if s.key is None and s.first_seq > vouched]
    if lost and lost[0] <= count:
        return ChainCheck(count, lost[0], "changed")
    if not is_sealed(segments, noted) or noted is None:
        return ChainCheck(count, count + 1, "unsealed")
    if count < max(noted[0].seq, seen.seq if seen else 0, segments[-1].first_seq if len(segments) > 1 else 0):
        return ChainCheck(count, count + 1, "cut")
    if count > noted[0].seq:
        return ChainCheck(count, noted[0].seq + 1, "unsealed")
    return ChainCheck(count, unchecked=unchecked)
