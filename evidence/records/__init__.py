"""Frozen records: what was asked for, observed and produced. No I/O, no logic beyond lookups."""

from __future__ import annotations
