"""S2, S3: a secret that comes in pieces is cut out of a log all the same."""

from __future__ import annotations

import base64
import json
import time
from random import Random

import pytest

from evidence.redact.known import Secrets, known_secrets
from evidence.redact.privacy import Privacy
from evidence.redact.search import MAX_MATCHES, OVERLAP_BYTES, WINDOW_BYTES, scan
from evidence.redact.stream import MAX_LINE_CHARS, Redactor
from evidence.redact.views import MAX_LAYERS, views
from tests.redaction.canaries import CANARIES, ENCODINGS, VARIABLES, Canary, traces

SECRETS = known_secrets(VARIABLES)
TOKEN = CANARIES[0]
KEYS = [one for one in CANARIES if "BEGIN" in one.text]


def _log(pieces: list[str], redactor: Redactor | None = None) -> str:
    redactor = redactor or Redactor(SECRETS)
    lines = "".join(redactor.feed(piece) for piece in pieces) + redactor.close()
    return lines.removesuffix("\n")


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_a_secret_split_anywhere_is_cut_out(canary: Canary) -> None:
    """S2: split across writes."""
    text = f"before\n{canary.text}\nafter\n"
    for at in range(0, len(text), 1 + len(text) // 60):
        log = _log([text[:at], text[at:]])
        assert not [trace for trace in traces(canary) if trace in log.encode()]
        assert log.startswith("before\n")
        assert log.endswith("after")


@pytest.mark.parametrize("key", KEYS, ids=lambda canary: canary.name)
@pytest.mark.parametrize("prefix", ["", "2026-01-01 INFO worker: ", "> "])
def test_no_line_of_a_private_key_stays(key: Canary, prefix: str) -> None:
    """S2: over many lines."""
    lines = key.text.split("\n")
    log = _log([f"{prefix}{line}\n" for line in ["start", *lines, "the end of it"]])
    body = [line for line in lines if len(line) >= 16 and ":" not in line and "-----" not in line]
    assert body
    assert not [line for line in body if line in log]
    assert log.endswith(f"{prefix}the end of it")


@pytest.mark.parametrize("key", KEYS, ids=lambda canary: canary.name)
def test_a_private_key_at_once_leaves_what_it_leaves_line_by_line(key: Canary) -> None:
    text = f"one\n{key.text}\ntwo\nthree\n"
    assert _log([text]) == _log(text.splitlines(keepends=True))


def test_a_private_key_without_an_end_does_not_swallow_the_log() -> None:
    begin = KEYS[0].text.split("\n")[0]
    redactor = Redactor(SECRETS)
    log = _log([f"{begin}\n", "step 1 loss 0.5\n", "step 2 loss 0.4\n"], redactor)
    assert log.endswith("step 1 loss 0.5\nstep 2 loss 0.4")
    assert redactor.counts == {"private-key": 1}


def test_the_body_of_a_private_key_is_cut_out_for_so_many_lines_and_no_longer() -> None:
    begin, body = KEYS[0].text.split("\n")[0], "QUJD" * 16
    lines = _log([f"{begin}\n", *[f"{body}\n"] * 505]).split("\n")
    assert lines[1:501] == ["[redacted:private-key]"] * 500
    assert lines[501:] == [body] * 5


def test_a_secret_in_any_script_is_known_in_any_spelling() -> None:
    known = "p\u00e4ssw\u00f6rd-\u4e2d\u6587-0123456789"
    redactor = Redactor(known_secrets({"DB_PASSWORD": known}))
    for spelled in (known, ascii(known)[1:-1], *(make(known) for make in ENCODINGS.values())):
        clean = redactor.text(f"a {spelled} b")
        assert clean.startswith("a "), clean
        assert clean.endswith(" b"), clean
        assert spelled not in clean
        assert spelled not in redactor.text(spelled), "also where the text begins"


def test_text_that_is_no_unicode_comes_through_and_hides_no_secret() -> None:
    odd = "\udc80 \\ud800 "
    assert Redactor(SECRETS).text(odd) == odd
    cut = Redactor(SECRETS).text(f"{odd}{TOKEN.text}{odd}")
    assert (cut.startswith(odd), cut.endswith(odd), TOKEN.text in cut) == (True, True, False)


def test_escapes_are_undone_a_few_times_and_no_more() -> None:
    """Else a text of nothing but escapes would take time by its square."""
    assert len(list(views(b"a" + b"\\" * 64))) == MAX_LAYERS


def test_what_an_escape_stands_for_is_read_wherever_it_stands() -> None:
    text = 'x\n\r\t\b\f"\\\u00e9y'
    assert next(views(json.dumps(text).encode()[1:-1]))[0] == text.encode()
    assert scan(b"ghp_" + b"\\u0041" * 36, Secrets())


def test_secrets_that_touch_are_two() -> None:
    both = "AIza" + "a" * 35 + "npm_" + "b" * 36
    redactor = Redactor(Secrets())
    assert redactor.text(both) == "[redacted:google-api-key][redacted:npm-token]"
    assert redactor.counts == {"google-api-key": 1, "npm-token": 1}


def test_of_secrets_that_overlap_nothing_is_left() -> None:
    redactor = Redactor(known_secrets({"A_TOKEN": "abcdefgh-0123-xyz", "B_TOKEN": "0123-xyz-9876"}))
    assert "9876" not in redactor.text("<abcdefgh-0123-xyz-9876>")
    assert "abcd" not in redactor.text("<abcdefgh-0123-xyz-9876>")


def test_a_secret_of_several_words_is_known_as_forms_spell_it() -> None:
    known = "correct horse battery staple 17"
    redactor = Redactor(known_secrets({"DB_PASSWORD": known}))
    for spelled in (known, known.replace(" ", "+"), known.replace(" ", "%20")):
        assert "horse" not in redactor.text(f"a={spelled}&b=1")


@pytest.mark.parametrize("filling", ["x ", "é ", "\U0001f600 ", "\ud800 "])
def test_a_line_without_an_end_needs_no_memory_and_breaks_in_no_secret(filling: str) -> None:
    random = Random(1)
    for _ in range(20):
        before = filling * ((MAX_LINE_CHARS - random.randrange(2 * len(TOKEN.text))) // 2)
        redactor = Redactor(SECRETS)
        rest = ". " * OVERLAP_BYTES
        log = _log([before, TOKEN.text, *[rest] * 8], redactor)
        assert TOKEN.secret[:20] not in log.replace("\n", "")
        assert redactor.counts == {"hf-token": 1}
        assert max(map(len, log.split("\n"))) <= MAX_LINE_CHARS + OVERLAP_BYTES


def test_a_secret_across_two_windows_of_a_long_file_is_found() -> None:
    for shift in (-40, -OVERLAP_BYTES, -OVERLAP_BYTES - 20, 0):
        before = b"x \n" * ((WINDOW_BYTES + shift) // 3)
        found = scan(before + TOKEN.text.encode() + b"\n" * WINDOW_BYTES, Secrets())
        assert [(one.kind, one.line) for one in found] == [("hf-token", before.count(b"\n") + 1)]
        assert found[0].offset == len(before)


@pytest.mark.parametrize("num_lines", [MAX_MATCHES - 1, MAX_MATCHES, MAX_MATCHES + 1])
def test_so_many_findings_are_named_and_no_more(num_lines: int) -> None:
    found = scan(f"{TOKEN.text}\n".encode() * num_lines, SECRETS)
    assert [one.line for one in found] == list(range(1, min(num_lines, MAX_MATCHES) + 1))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_stands_around_a_secret_stays_to_the_letter(encoding: str) -> None:
    spelled = ENCODINGS[encoding](TOKEN.text)
    for around in ("", " ", ", "):
        clean = Redactor(SECRETS).text(f"é{around} {spelled} {around}ü")
        assert clean.startswith(f"é{around} "), clean
        assert clean.endswith(f" {around}ü"), clean


def test_a_secret_of_many_lines_is_known_line_by_line() -> None:
    value = "first line of it\nsecond line of it\n"
    clean = Privacy(known_secrets({"MY_SECRET": value})).clean
    assert "line of it" not in clean("a: first line of it; b: second line of it")


def test_a_known_value_is_named_by_its_form_where_it_has_one() -> None:
    known = known_secrets({"HF_TOKEN": TOKEN.text, "DB_PASSWORD": "correct horse"})
    assert Privacy(known).clean(TOKEN.text) == "[redacted:hf-token]"
    assert Privacy(known).clean("correct horse") == "[redacted:secret-variable]"


def test_the_password_of_a_url_in_the_environment_is_known_by_itself() -> None:
    known = known_secrets({"HTTPS_PROXY": "http://" + "me:aLongPassword@proxy.example.org"})
    basic = base64.b64encode(b"me:aLongPassword").decode()
    clean = Privacy(known).clean(f"password aLongPassword, header Basic {basic}")
    assert "aLongPassword" not in clean
    assert basic[:12] not in clean


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_was_redacted_passes_the_scan_before_sealing_and_redacting_again(
    encoding: str,
) -> None:
    clean = Privacy(SECRETS).clean
    for canary in CANARIES:
        once = clean(f"see {ENCODINGS[encoding](canary.text)} there")
        assert not scan(once.encode(), SECRETS), once
        assert clean(once) == once


HOSTILE = {
    "base64 of a prefix": b"aGZf" * 250_000,
    "hex": b"68665f" * 170_000,
    "keys that begin": b"-----BEGIN PRIVATE" + b" KEY-----\n" * 100_000,
    "urls": b"a://b:" * 170_000,
    "web tokens": b"ey" + b"J" * 1_000_000,
    "web tokens again": b" eyJaaaaaaaaa.eyJ" * 60_000,
    "percent": b"%68" * 330_000,
    "backslashes": b"\\" * 1_000_000,
    "prefixes": b"sk-" * 330_000,
    "names": b"secret_key='" * 80_000,
    "headers": b"authorization:" * 70_000,
    "spaces": b"authorization: bearer " + b" " * 1_000_000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_takes_time_as_it_grows_and_no_more(data: bytes) -> None:
    """What is quadratic takes 64 times as long for eight times the text; the bar leaves room."""
    small, large = (min(_seconds(data[: len(data) // part]) for _ in range(3)) for part in (16, 2))
    assert large < 24 * small + 0.05


def _seconds(data: bytes) -> float:
    began_s = time.process_time()
    scan(data, SECRETS)
    Redactor(SECRETS).text(data.decode())
    return time.process_time() - began_s


@pytest.mark.parametrize("after", ["\u0800", "\u00e9", "\U0001f600", "\n", ",", "!"])
@pytest.mark.parametrize("padding", ["", "=", "=="])
def test_behind_a_secret_in_base64_nothing_is_cut_but_its_padding(after: str, padding: str) -> None:
    for more in ("", "a", "ab"):
        spelled = base64.b64encode((TOKEN.text + more).encode()).decode()
        text = f"see {spelled.rstrip('=')}{padding}{after}."
        clean = Redactor(SECRETS).text(text)
        assert clean.startswith("see [redacted:hf-token]")
        assert clean.endswith(f"{after}.")


def test_a_known_value_that_ends_inside_of_a_letter_takes_all_of_the_letter() -> None:
    """A variable's value can be any bytes."""
    redactor = Redactor(known_secrets({"A_TOKEN": "\udcaf12345678-abcd\udcc3"}))
    assert redactor.text("a \u00ef12345678-abcd\u00e9 b") == "a [redacted:secret-variable] b"
