"""S4: what is no secret is never altered: digests, numbers, ordinary words."""

from __future__ import annotations

import base64
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.redact.identity import Identity
from evidence.redact.known import known_secrets, says_secret
from evidence.redact.privacy import Privacy
from evidence.redact.search import scan
from evidence.redact.stream import Redactor
from tests.redaction.canaries import VARIABLES

ROOT = Path(__file__).parents[2]
PRIVACY = Privacy(
    known_secrets(
        {
            **VARIABLES,
            "TOKENIZERS_PARALLELISM": "false",
            "ROOT_PASSWORD": "root",
            "A_SECRET": "true",
            "B_TOKEN": "123456789012345",
        }
    ),
    Identity("/root", "root", "host17"),
)
WORDS = (
    "square root, rooted, root: 'root' /data/root root_dir",
    "true false null None nan inf",
    "123456789012345 0.000123456789012 1e-12 2026-01-01T00:00:00.000000Z",
    "task-0123456789abcdef0123456789abcdef disk-12345678901234567890 sk-learn sk-",
    "hf_hub_download huggingface hf_transfer ghp_ AKIA AIza eyJ xoxb-",
    "https://example.org/a:b@c http://[::1]:80/ git@github.com:a/b.git ssh://git@github.com/a",
    "postgres://user:password@db http://user:$PASS@h https://x:***@h ://:@",
    "git://one:two@ three, a://b:c@",
    "the token is in $HF_TOKEN; Authorization: Bearer <token>; secret_key = change-me",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "/rootless /home/rooter ~/x C:\\Users\\rooter host17x ghost17",
)


def test_ten_thousand_digests_in_every_form_stay_as_they_are() -> None:
    """S4: no digest, no number."""
    random = Random(4)
    redactor = PRIVACY.redactor()
    lines = []
    for _ in range(10_000):
        raw = random.randbytes(random.choice((16, 20, 32, 64)))
        forms = (raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode())
        lines.append(
            f"sha256:{random.choice(forms)} {random.random()!r} {random.randrange(10**18)}"
        )
    text = "\n".join(lines)
    assert redactor.text(text) == text
    assert not redactor.counts
    for line in lines[:300]:
        assert redactor.text(line) == line


@pytest.mark.parametrize("text", WORDS)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    """S4: root, true, false."""
    redactor = PRIVACY.redactor()
    assert redactor.text(text) == text
    assert not scan(text.encode(), PRIVACY.secrets)


@given(st.text())
def test_any_text_without_a_secret_comes_through_a_log_unchanged(text: str) -> None:
    redactor = Redactor(PRIVACY.secrets)
    lines = redactor.feed(text) + redactor.close()
    if not redactor.counts:
        assert lines.removesuffix("\n") == text.removesuffix("\n")


def test_the_project_s_own_data_code_and_documents_hold_no_secret() -> None:
    folders = ("milestones", "evidence", "schemas", "templates", "benchmarks")
    files = [path for name in folders for path in (ROOT / name).rglob("*") if path.is_file()]
    kinds = {".py", ".json", ".jsonl", ".toml", ".md", ".j2"}
    assert len(files) > 100
    for path in files:
        if path.suffix in kinds:
            assert not scan(path.read_bytes(), PRIVACY.secrets), path


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "PGPASSWORD", "OPENAI_API_KEY", "apikey",
     "WANDB_API_KEY", "GITHUB_TOKEN", "MYSQL_PWD", "AZURE_CLIENT_SECRET", "X_CREDENTIALS"],
)  # fmt: skip
def test_a_name_that_says_secret_is_understood(name: str) -> None:
    assert says_secret(name)


@pytest.mark.parametrize(
    "name",
    ["TOKENIZERS_PARALLELISM", "MAX_TOKENS", "PWD", "OLDPWD", "HOME", "KEYBOARD", "HF_TOKEN_PATH",
     "GOOGLE_APPLICATION_CREDENTIALS", "AWS_WEB_IDENTITY_TOKEN_FILE", "SECRETARY", "PATH"],
)  # fmt: skip
def test_a_name_that_only_sounds_like_it_is_not(name: str) -> None:
    assert not says_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/alice/x.py, line 3", "~/x.py, line 3"),
        ("File '/home/alice'.", "File '~'."),
        ("file:///home/alice/x", "file://~/x"),
        ("PATH=/usr/bin:/home/alice/bin", "PATH=/usr/bin:~/bin"),
        ("'a\\n/home/alice/x'", "'a\\n~/x'"),
        ("/mnt/home/alice/x", "/mnt/home/user/x"),
        ("C:\\Users\\alice\\x", "C:\\Users\\user\\x"),
        ("alice@box17.lan:~$", "user@host:~$"),
        ("alice@box17 and bob@box17.lan", "user@host and bob@host"),
        ("http://box17.lan:8080/", "http://host:8080/"),
        ("alice in wonderland, malice, box17 alone", "alice in wonderland, malice, box17 alone"),
        (
            "/home/alicea /data/alice alice@example.org",
            "/home/alicea /data/alice alice@example.org",
        ),
    ],
)
def test_names_are_replaced_only_where_a_path_or_an_at_shows_them(text: str, shown: str) -> None:
    names = Identity("/home/alice", "alice", "box17.lan")
    assert names.anonymous(text) == shown
    assert names.anonymous(shown) == shown


def test_a_machine_without_a_name_of_its_own_has_none_to_hide() -> None:
    text = "http://localhost:8080/ and root@localhost"
    assert Identity("/home/alice", "alice", "localhost").anonymous(text) == text
    assert Identity("/home/alice", "alice", "").anonymous(text) == text
    assert Identity("/home/alice", "alice", "").anonymous("to alice@ x") == "to alice@ x"
    assert Identity("/nobody", "", "box17.lan").anonymous("at @box17.lan") == "at @host"
