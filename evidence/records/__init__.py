"""Frozen records: what was asked for, observed and produced. No I/O, no logic beyond lookups.

Their modules do not postpone annotations: `codec` needs the types themselves, at every start.
"""
