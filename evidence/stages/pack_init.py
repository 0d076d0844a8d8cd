"""`pack:runs/M45#C`: the checkpoint of a stage of another pack, as a milestone names it.

Responsible for what the name says: a folder below the project, the stage, and where its checkpoint
lies. Whether such a pack is there is `running.parents`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.records.milestone import Milestone, ModelSpec
from evidence.records.record import Record

OF_PACK: Final = "pack:"
_FOLDER: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}"
PACK: Final = re.compile(rf"{_FOLDER}(/{_FOLDER}){{0,7}}")
"""The folder of a pack, from the project's root: plain names alone."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_]")


class PackInit(Record):
    """What stands behind `pack:`."""

    pack: str
    """Folder of the pack, from the project's root."""
    stage: str = ""
    """Name of a stage of a pack with [[stage]]; empty: the one training of a pack without."""

    @property
    def init(self) -> str:
        """As the milestone says it."""
        return f"{OF_PACK}{self.pack}{f'#{self.stage}' if self.stage else ''}"

    @property
    def name(self) -> str:
        """The pack's own name, which `parent.NAME.…` begins with."""
        return self.pack.rpartition("/")[2]

    @property
    def checkpoint(self) -> str:
        """Where the checkpoint lies in the pack."""
        folder = f"{layout.STAGES}/{self.stage}/" if self.stage else ""
        return f"{folder}{layout.FINAL_MODEL}"

    @property
    def in_names(self) -> str:
        """What the evaluation of it is called by."""
        parts = [_NO_NAME.sub("_", self.name), *([self.stage] if self.stage else [])]
        return "_".join(parts)

    @property
    def model(self) -> ModelSpec:
        """The model that it is."""
        return ModelSpec(path=f"{self.pack}/{self.checkpoint}", named=self.init)


def pack_init(text: str) -> PackInit | None:
    """What `pack:…` names; None where the text names nothing of this form."""
    pack, mark, stage = text.removeprefix(OF_PACK).partition("#")
    plain = text.startswith(OF_PACK) and PACK.fullmatch(pack)
    if not plain or (mark and not _NAME.fullmatch(stage)):
        return None
    return PackInit(pack, stage)


def read_away(milestone: Milestone) -> Milestone:
    """A milestone whose model is of a pack, with where that lies and what it is called."""
    model = milestone.given_model
    found = None if model is None or model.pack is None else pack_init(OF_PACK + model.pack)
    if model is None or found is None:
        return milestone
    own = replace(
        found.model,
        chat_template=model.chat_template,
        chat_values=model.chat_values,
        license=model.license,
    )
    return replace(milestone, given_model=own)


def init_of(model: ModelSpec | None) -> PackInit | None:
    """The pack that a model is of; None where it is another one."""
    return None if model is None or model.named is None else pack_init(model.named)


def named_packs(milestone: Milestone) -> tuple[tuple[str, str], ...]:
    """Every `pack:…` of a milestone, each with the pointer where it stands, in its order."""
    found: list[tuple[str, str]] = []
    if milestone.given_model is not None and milestone.given_model.named is not None:
        found.append(("/model/pack", milestone.given_model.named))
    for index, one in enumerate(milestone.stage):
        found.append((f"/stage/{index}/init", one.init))
        found += [(f"/stage/{index}/of/{number}", name) for number, name in enumerate(one.of)]
    return tuple((place, name) for place, name in found if name.startswith(OF_PACK))


def packs_asked(milestone: Milestone) -> tuple[PackInit, ...]:
    """The checkpoints of other packs that a milestone names, each once, in its order."""
    found = (pack_init(name) for _, name in named_packs(milestone))
    return tuple(dict.fromkeys(one for one in found if one is not None))


def name_problems(named: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What is wrong with these `pack:…`, each with its place: (pointer, what is wrong)."""
    folders: dict[str, str] = {}
    for place, text in named:
        found = pack_init(text)
        if found is None:
            yield place, f"{text!r} names no pack: as in {OF_PACK}runs/M45#C"
        elif folders.setdefault(found.name, found.pack) != found.pack:
            others = f"{folders[found.name]} and {found.pack}"
            yield place, f"two packs are called {found.name!r}: {others}"
