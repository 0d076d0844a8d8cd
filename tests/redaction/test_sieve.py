"""What the sieve holds back holds nothing: read in all views, every text gives the same."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.redact import search, sieve, stream
from evidence.redact.identity import Identity
from evidence.redact.known import Secrets, known_secrets
from evidence.redact.search import find_spans, scan, spans_in
from evidence.redact.shapes import MIN_RUN_BYTES, RUN_BYTES, SHAPES, URL_WITH_AT, Shape
from evidence.redact.stream import Redactor
from tests.redaction.canaries import CANARIES, ENCODINGS, VARIABLES

LINES = "first line of a key\nx\nthe second line, longer\n"
KNOWN = {
    **VARIABLES,
    "MANY_LINES_SECRET": LINES,
    "SHORT_LINES_SECRET": "ab\ncd\nef\ngh\nij",
    "DOTS_PASSWORD": "a.b-c.d-e.f-g.h",
    "SPACED_PASSWORD": "one two three 4",
    "NO_ASCII_TOKEN": "p\u00e4ssw\u00f6rd-\u4e2d\u6587-01",
}
SECRETS = known_secrets(KNOWN)
IDENTITY = Identity("/home/some.one", "someone", "host17.example.org")
ALONE = known_secrets({})

ORDINARY = (
    "2026-11-28 07:40:01,512 INFO trainer.loop: step 3 loss 0.482901 lr 2.00e-05",
    "Training:  45%|████▌     | 45/100 [00:45<00:55,  1.02it/s, loss=0.412]",
    '  File "/usr/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1553',
    '  File "/home/some.one/work/train_model.py", line 88, in forward',
    '{"event": "log", "loss": 0.8394712345678901, "name": "model.layers.3.q_proj.weight"}',
    r'{"text": "a \"quoted\" line\nand another\t\u00e9", "path": "C:\\Users\\someone"}',
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "see https://example.org/a%20b?c=d%2Fe and mail someone@host17 or a@b.org",
    "ssh someone@host17.example.org:/scratch/someone/x http://host17:80/",
    "Authorization: none, secret: none, hf_ sk- AKIA eyJ xoxb- ya29. npm_ -----BEGIN",
    "-" * 60,
)
SPELLINGS = {
    **ENCODINGS,
    "quoted": quote,
    "json string": lambda text: json.dumps(text)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(json.dumps(text)))[1:-1],
    "base64 in json": lambda text: json.dumps(
        base64.b64encode(b"\0" + text.encode()).decode()
    ).replace("/", "\\/"),
    "hex of capitals": lambda text: text.encode().hex().upper(),
    "url in url": lambda text: quote(quote(text, safe=""), safe=""),
    "hex in url": lambda text: "".join(f"%{ord(letter):02x}" for letter in text.encode().hex()),
}
PLANTED = [
    *(spell(canary.text) for canary in CANARIES for spell in SPELLINGS.values()),
    *(spell(value) for value in KNOWN.values() for spell in SPELLINGS.values()),
]
PARTS = st.one_of(
    st.sampled_from(ORDINARY),
    st.sampled_from(PLANTED),
    st.sampled_from(PLANTED).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda cut: text[:cut])
    ),
    st.text(max_size=20),
    st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
    st.sampled_from(["\n", "\n", "\n", " ", "\r", "\\n", "\\", "%", '"', "=", "/", "."]),
)
TEXTS = st.lists(PARTS, max_size=12).map("".join)


@contextmanager
def all_views() -> Iterator[None]:
    """Everything is read in all its views, as if there were no sieve."""
    with (
        patch.object(stream, "find_spans", spans_in),
        patch.object(search, "find_spans", spans_in),
        patch.object(Identity, "anonymous", Identity.replaced),
    ):
        yield


def _log(pieces: list[str], secrets: Secrets) -> tuple[list[str], dict[str, int]]:
    redactor = Redactor(secrets, IDENTITY)
    return [*map(redactor.feed, pieces), redactor.close()], dict(redactor.counts)


@given(text=TEXTS, cuts=st.lists(st.integers(0, 400), max_size=4), piece_bytes=st.integers(1, 99))
@settings(max_examples=400, deadline=None)
def test_with_a_sieve_and_without_one_a_log_is_the_same_to_the_letter_and_to_the_count(
    text: str, cuts: list[int], piece_bytes: int
) -> None:
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
    data = text.encode("utf-8", "surrogatepass")
    for secrets in (SECRETS, ALONE):
        with patch.object(sieve, "PIECE_BYTES", piece_bytes):
            sieved = _log(pieces, secrets), scan(data, secrets)
        with all_views():
            assert sieved == (_log(pieces, secrets), scan(data, secrets))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_secret_in_each_spelling_among_ordinary_lines_is_found_in_the_same_place(
    spelling: str,
) -> None:
    around = "\n".join(ORDINARY[:8] * 4)
    for text in (*(canary.text for canary in CANARIES), *KNOWN.values()):
        data = f"{around}\nsee {SPELLINGS[spelling](text)}, there\n{around}".encode()
        found = set(find_spans(data, SECRETS))
        assert found == set(spans_in(data, SECRETS))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.kind)
@given(data=st.data())
def test_whatever_a_shape_matches_comes_through_the_sieve(
    shape: Shape, data: st.DataObject
) -> None:
    match = data.draw(st.from_regex(shape.pattern))
    spelled = data.draw(
        st.sampled_from(
            [
                match,
                base64.b64encode(match),
                base64.urlsafe_b64encode(b"u:" + match),
                match.hex().encode(),
            ]
        )
    )
    line = b"a line before\nx " + spelled + b"\na line after"
    assert set(find_spans(line, ALONE)) == set(spans_in(line, ALONE))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.kind)
@given(data=st.data())
def test_what_the_sieve_relies_on_is_so(shape: Shape, data: st.DataObject) -> None:
    match = data.draw(st.from_regex(shape.pattern))
    found = shape.pattern.search(match)
    assert found is not None
    whole = found[0]
    assert any(
        anchor in (whole.lower() if shape.ignores_case else whole) for anchor in shape.anchors
    )
    if shape.is_in_run:
        runs = bytes(byte if byte in RUN_BYTES else 32 for byte in whole).split()
        long = b"\n".join(run for run in runs if len(run) >= MIN_RUN_BYTES)
        assert any(
            anchor in (long.lower() if shape.ignores_case else long) for anchor in shape.anchors
        )
    if shape.kind == "url-credentials":
        assert URL_WITH_AT.search(match)


def test_of_ordinary_lines_nothing_is_read_in_all_views() -> None:
    """Else the sieve would be for nothing."""
    data = "\n".join(ORDINARY[:7] * 100).encode()
    assert not list(sieve.stretches(data, SECRETS))


def test_one_line_that_could_hold_a_secret_lets_few_others_through() -> None:
    data = "\n".join([*ORDINARY[:7] * 100, CANARIES[0].text, *ORDINARY[:7] * 100]).encode()
    (stretch,) = sieve.stretches(data, SECRETS)
    assert stretch[1] - stretch[0] < 2 * sieve.PIECE_BYTES


@pytest.mark.parametrize("piece_bytes", [1, 5, 9, 20, 40])
@pytest.mark.parametrize("name", ["MANY_LINES_SECRET", "SHORT_LINES_SECRET"])
def test_a_value_of_many_lines_is_cut_out_as_one_wherever_pieces_end(
    name: str, piece_bytes: int
) -> None:
    text = f"before\n{KNOWN[name].strip()}\nafter\n"
    with patch.object(sieve, "PIECE_BYTES", piece_bytes):
        sieved = _log([text], SECRETS)
    assert sieved == (["before\n[redacted:secret-variable]\nafter\n", ""], {"secret-variable": 1})
