"""The gate's law at every place: each text of a pack, one after the other, made to act.

The places are found, not listed: every text anywhere in the documents of a pack. Where a plain word
can stand and be shown, a text that acts brings no tag, link or image that the word does not bring;
in the author's words it brings what the gate lets through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from render.nasty import NASTY
from render.sample import ROOT, complete_pack, failed_pack, sealed
from render.test_inert_everywhere import ALLOWED, PARSER

from evidence.errors import EvidenceError
from evidence.pack.documents import Documents
from evidence.render.render import render_pack

WORD = "plain"
TEXTS = (
    "\\![x](https://evil.example/x.png) <img src=x> | <!-- ![y](https://evil.example/y.png)",
    "```\nswallows\n<script>alert(1)</script>\n\n# Heading\n\n- list\n\n[a]: https://evil.example",
    "a\n---\n\n| x |\n|---|\n| \u202e\u200b\ufe0f |\n\n[^1] [a](javascript:x) https://evil.example",
    "</pre></td></table><b>x</b> www.evil.example &lt;b&gt; &#60;i&#62; `a` **b** ~~c~~ x@evil.eu",
)
QUICK = 12
"""Of the places, one in so many is tried by `make test`."""
AUTHORS = (("milestone", "objective"), ("milestone", "narrative"), ("notes",))
UNSHOWN = {"sizes", "digests", "milestone_text", "results", "manifest"}
"""Made anew, or no text of anybody."""

Path = tuple[str | int, ...]


class Counted(HTMLParser):
    """Tags, and everything that is loaded or leads somewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.leads: Counter[str] = Counter()
        self.feed(PARSER.render(page))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.leads.update(f"{key}={value}" for key, value in attrs)

    def handle_comment(self, data: str) -> None:
        self.tags["comment"] += 1

    def handle_pi(self, data: str) -> None:
        self.tags["pi"] += 1

    def unknown_decl(self, data: str) -> None:
        self.tags["declaration"] += 1


def texts_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where texts stand, in records, mappings and tuples."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            if path or name not in UNSHOWN:
                yield from texts_of(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for key in value:
            yield from texts_of(value[key], (*path, key))
    elif isinstance(value, (tuple, list)):
        for index in range(min(len(value), 2)):  # what follows is shown like the second
            yield from texts_of(value[index], (*path, index))


def changed(value: Any, path: Path, text: str) -> Any:
    """The same with another text at one place."""
    if not path:
        return text
    key, rest = path[0], path[1:]
    if isinstance(value, msgspec.Struct):
        return replace(value, **{str(key): changed(getattr(value, str(key)), rest, text)})
    if isinstance(value, dict):
        return {**value, key: changed(value[key], rest, text)}
    assert isinstance(key, int)
    parts = [*value]
    parts[key] = changed(parts[key], rest, text)
    return type(value)(parts)


def shown(pack: Documents, path: Path, text: str) -> str | None:
    """The summary; None where no pack can have such a text there."""
    try:
        return render_pack(sealed(changed(pack, path, text)), ROOT, {})["m43_summary.md"].decode()
    except (EvidenceError, LookupError, ValueError, TypeError, AttributeError):
        return None


def is_authors(path: Path) -> bool:
    return any(path[: len(one)] == one for one in AUTHORS)


def brings_nothing(pack: Documents, path: Path, text: str) -> bool:
    """Whether the place is shown at all; asserts that the text does not act there."""
    plain = shown(pack, path, WORD)
    if plain is None or plain == shown(pack, path, "other"):
        return False
    page = shown(pack, path, text)
    if page is None:
        return False
    before, after = Counted(plain), Counted(page)
    more = after.tags - before.tags
    if is_authors(path):
        assert more.keys() <= ALLOWED, (path, text, more)
        links = (after.leads - before.leads).keys()
        known = ("href=https://", "href=http://", "start=")
        assert all(one.startswith(known) for one in links), links
    else:
        # A text may be long, or blank, and then shown as such: in bold, in code, or cut.
        assert more.keys() <= {"code", "em", "p"}, (path, text, more)
        assert not after.leads - before.leads, (path, text)
    lost = before.tags - after.tags
    # Nor is every text there to be seen: a fence with nothing behind it is empty.
    assert lost.keys() <= {"code", "p", "b", "br", "em"}, (path, text, lost)
    return True


PLACES = {
    "complete": sorted(texts_of(complete_pack()), key=repr),
    "failed": sorted(texts_of(failed_pack()), key=repr),
}
PACKS = {"complete": complete_pack, "failed": failed_pack}


def of_places(every: int) -> int:
    shown_at = 0
    for name, places in PLACES.items():
        pack = PACKS[name]()
        for index, path in enumerate(places[::every]):
            texts = TEXTS if every == 1 else [TEXTS[index % len(TEXTS)]]
            found = [brings_nothing(pack, path, text) for text in texts]
            shown_at += all(found)
    return shown_at


def test_a_text_at_some_places_brings_nothing() -> None:
    assert of_places(QUICK) >= 8


@pytest.mark.full
def test_a_text_at_every_place_brings_nothing() -> None:
    assert of_places(1) >= 100


@pytest.mark.full
@pytest.mark.parametrize("place", [("milestone", "objective"), ("notes",), ("milestone", "title")])
def test_every_nasty_text_stays_where_it_is(place: Path) -> None:
    pack = complete_pack()
    for text in NASTY:
        if text.strip():
            brings_nothing(pack, place, text)


def test_places_are_found() -> None:
    found = {"/".join(map(str, path)) for path in PLACES["complete"]}
    for place in ("milestone/title", "milestone/objective", "milestone/narrative/lessons/0",
                  "notes", "git/start/subject", "git/start/branch", "outcomes/0/reason",
                  "outcomes/0/missing/0", "inputs/model/id", "milestone/gates/0/name"):  # fmt: skip
        assert place in found, place
