"""Copies of a test's own process: none may stay behind."""

from __future__ import annotations

import os

import pytest


def assert_gone(copies: list[int]) -> None:
    assert copies
    for child in copies:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)
