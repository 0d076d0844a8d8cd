r"""Numbers for a paper: a LaTeX macro for each value, and a BibTeX entry for the pack.

Responsible for a macro saying its value in full precision, with name, unit, level and address
beside it. Rounding is the paper's (`\num` of siunitx). A value that was not measured has a macro
too, which stops LaTeX with the reason: never a number, never an empty place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evidence.encoding import jsonio
from evidence.export.facts import LIMITS, Account, line, said_levels
from evidence.export.latex_text import escaped, macros, plain
from evidence.records.run import ValueRecord

MACROS = "numbers.tex"
ENTRY = "pack.bib"
_KEY_CHARS = 12


def files(account: Account) -> Mapping[str, bytes]:
    """The macros and the entry."""
    return {
        MACROS: ("\n".join(_macros(account)) + "\n").encode("utf-8"),
        ENTRY: _entry(account).encode("utf-8"),
    }


def _macros(account: Account) -> Iterator[str]:
    yield f"% Values of the evidence pack {account.milestone}, sha256:{account.root_sha256}"
    for sentence in (*account.standing, *LIMITS):
        yield f"% {line(sentence)}"
    yield "% In full precision: \\num[round-mode=places,round-precision=2]{...} rounds."
    named = macros(account.milestone, account.values)
    for name, record in account.values.items():
        yield f"% {line(_beside(name, record))}"
        yield f"\\newcommand{{\\{named[name]}}}{{{_content(name, record)}}}"


def _beside(name: str, record: ValueRecord) -> str:
    unit = f" [{record.unit}]" if record.unit else ""
    if record.value is None:
        return f"{name}: not measured: {record.unavailable}"
    return f"{name}{unit}, {record.level}, at {record.address}"


def _content(name: str, record: ValueRecord) -> str:
    if record.value is None:
        why = plain(line(f"{name} was not measured: {record.unavailable}"))
        return f"\\errmessage{{{why}}}"
    if isinstance(record.value, str):
        return escaped(record.value)
    return jsonio.dump_text(record.value)


def _entry(account: Account) -> str:
    """Without an author: the evidence has none."""
    manifest = account.manifest
    key = "".join(sign for sign in account.milestone if sign.isascii() and sign.isalnum())
    known = said_levels(account.measured)
    about = [
        f"Evidence pack {account.milestone}, {manifest.status}, root digest sha256:"
        f"{account.root_sha256}, values: {known}.",
        *account.standing,
    ]
    fields = {
        "title": f"{{{escaped(account.title)}}}",
        "howpublished": escaped(f"{manifest.tool.name} {manifest.tool.version}"),
        "note": escaped(" ".join(about)),
    }
    date = account.values.get("run.date")
    if date is not None and isinstance(date.value, str) and date.value[:4].isdigit():
        fields["year"] = date.value[:4]
    rows = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{key or 'pack'}-{account.root_sha256[:_KEY_CHARS]},\n{rows}}}\n"
