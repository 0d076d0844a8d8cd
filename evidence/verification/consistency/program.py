"""Checks on a recorded program: its documents agree, and what weakens it is said.

Responsible for what can be computed again from the pack alone: sums, numbers in collected files,
what was told twice. That the hooks told the truth, no pack can prove: they run in the program's
own process, which could have told them anything.
"""

from __future__ import annotations

import fnmatch
import posixpath

from evidence.capture.patterns import is_plain
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.milestone import MetricSpec
from evidence.records.program import (
    CollectedFile,
    CommandSpec,
    NumberInFile,
    OpenedFile,
    ProgramFiles,
    ProgramNumbers,
    ProgramRecord,
    ProgramSeen,
)
from evidence.results.program import remarks_of
from evidence.rules import command_words as commands
from evidence.rules.extraction import extract
from evidence.rules.tellings import NUMBERS_OF_LINE, TRAINER_STATE, Told, tellings, written_in_run
from evidence.stages.command import (
    COLLECTED,
    COMMAND,
    OUTPUT,
    PROGRAM,
    PROGRAM_FILES,
    PROGRAM_NUMBERS,
    PROGRAM_SEEN,
    PROGRAM_STEPS,
)
from evidence.verification.consistency.registry import (
    Evidence,
    Problems,
    check,
    differs,
    need,
)
from evidence.verification.problem import CannotCheckError, Problem

KIND = COMMAND.name


@check("program-command", "the program that ran is the one that the milestone asks for", kind=KIND)
def program_command(evidence: Evidence) -> Problems:
    """command of program.json = run of [command], or resume where the stage was started more than
    once. cwd likewise, with ~, user and host for names of the machine; executable is called like
    its first word; it ended with status 0 and by no signal in a complete pack."""
    record = need(evidence.documents.document(PROGRAM), "there is no program.json")
    spec = decode(CommandSpec, evidence.plan.stages[KIND])
    again = len(evidence.events("stage-started", KIND)) > 1 and spec.resume
    wanted = spec.resume if again else spec.run
    place = f"{PROGRAM.path}#/command"
    if len(wanted) != len(record.command):
        text = "is not the command of the milestone"
        yield Problem(place, text, " ".join(wanted), " ".join(record.command))
    for index, (asked, ran) in enumerate(zip(wanted, record.command, strict=False)):
        text = "is not the word of the milestone's command"
        yield from differs(f"{place}/{index}", text, asked, ran)
    yield from _ran(record, spec)


def _ran(record: ProgramRecord, spec: CommandSpec) -> Problems:
    if not commands.is_same(posixpath.normpath(spec.cwd), record.cwd.replace("\\", "/")):
        text = "is not the folder of the milestone's command"
        yield Problem(f"{PROGRAM.path}#/cwd", text, spec.cwd, record.cwd)
    name, started = (commands.name_of(one) for one in (record.executable, record.command[0]))
    if name != started and not name.startswith(f"{started}."):  # python.exe
        text = "is not what the command's first word names"
        yield Problem(f"{PROGRAM.path}#/executable", text, started, name)
    text = "a program that completed ended with status 0"
    yield from differs(f"{PROGRAM.path}#/exit_status", text, 0, record.exit_status)
    text = "a program that completed was ended by no signal"
    yield from differs(f"{PROGRAM.path}#/signal", text, None, record.signal)


@check("program-steps", "steps, processes and totals of the program agree", kind=KIND)
def program_steps(evidence: Evidence) -> Problems:
    """Steps of an optimizer are 1, 2, 3 … in each process and segment; a process of program.json
    has as many rows as it counts, in the last segment, and so have those of `earlier` in theirs;
    sums of rows and tokens in seen.json are those of the rows of the last segment; target tokens ≤
    tokens ≤ fed tokens. Exact."""
    rows = evidence.documents.rows(PROGRAM_STEPS)
    record = need(evidence.documents.document(PROGRAM), "there is no program.json")
    expected: dict[tuple[int, int, int], int] = {}
    counted: dict[tuple[int, int], int] = {}
    last = len(evidence.events("stage-started", KIND))
    for line, row in enumerate(rows, 1):
        place, key = f"{PROGRAM_STEPS.path}#L{line}", (row.segment, row.process, row.optimizer)
        expected[key] = expected.get(key, 0) + 1
        yield from differs(f"{place}/step", "steps are counted by one", expected[key], row.step)
        counted[row.segment, row.process] = counted.get((row.segment, row.process), 0) + 1
        known = [row.num_target_tokens, row.num_tokens, row.num_fed_tokens]
        found = [one for one in known if one is not None]
        if row.num_tokens is not None and found != sorted(found):
            yield Problem(place, "more tokens carry loss, or are fed, than there are", actual=known)
    starts = [(last, "", record.processes)]
    starts += [
        (one.segment, f"/earlier/{n}", one.processes) for n, one in enumerate(record.earlier)
    ]
    for segment, where, processes in starts:
        for index, process in enumerate(processes):
            place = f"{PROGRAM.path}#{where}/processes/{index}/num_steps"
            text = "another number of rows than the process has"
            yield from differs(place, text, counted.get((segment, index), 0), process.num_steps)


@check("program-totals", "what the program fed is the sum of its steps", kind=KIND)
def program_totals(evidence: Evidence) -> Problems:
    """num_rows, num_tokens, num_fed_tokens, num_target_tokens of seen.json = sums over the rows of
    the last segment; unknown where one row does not know. Labels of a recorded row are as many as
    its ids. Exact."""
    seen = need(evidence.documents.document(PROGRAM_SEEN), "there is no seen.json")
    rows = evidence.documents.rows(PROGRAM_STEPS)
    last = len(evidence.events("stage-started", KIND))
    rows = tuple(row for row in rows if row.segment == last and row.shared_with is None)
    for name in ("num_rows", "num_tokens", "num_fed_tokens", "num_target_tokens"):
        parts = [getattr(row, name) for row in rows]
        total = None if not parts or None in parts else sum(parts)
        place = f"{PROGRAM_SEEN.path}#/{name}"
        yield from differs(place, "is not the sum of the steps", total, getattr(seen, name))
    yield from _shapes(seen)


def _shapes(seen: ProgramSeen) -> Problems:
    for number, batch in enumerate(seen.batches):
        for index, row in enumerate(batch.rows):
            place = f"{PROGRAM_SEEN.path}#/batches/{number}/rows/{index}"
            for name in ("labels", "pieces"):
                part = getattr(row, name)
                if part is not None:
                    text = "has another length than its ids"
                    yield from differs(f"{place}/{name}", text, len(row.ids), len(part))


@check("program-files", "collected files are those that were found", kind=KIND)
def program_files(evidence: Evidence) -> Problems:
    """Each file of collected/ is named in files.json, with its digest and size, and each that is
    named as kept is there; of each other it is said why not. What has one digest has one size.
    Files of well-known results are among those that the program wrote. Exact."""
    record = need(evidence.documents.document(PROGRAM_FILES), "there is no files.json")
    kept = {f"{COLLECTED}/{one.kept_as}": one for one in record.collected if one.kept_as}
    sealed = {path for path in evidence.documents.digests if path.startswith(f"{COLLECTED}/")}
    for path in sorted(sealed - kept.keys()):
        yield Problem(path, "no program left this file, as files.json tells")
    for path, one in sorted(kept.items()):
        if path not in sealed:
            yield Problem(
                f"{PROGRAM_FILES.path}#/collected", "names a file that is not there", path
            )
            continue
        text = "is another file than the program left"
        yield from differs(path, text, one.sha256, evidence.documents.digests[path])
        yield from differs(path, text, one.size_bytes, evidence.documents.sizes[path])
    for index, one in enumerate(record.collected):
        if bool(one.why_not) == (one.kept_as is not None):
            text = "is kept, or else it is said why not"
            yield Problem(f"{PROGRAM_FILES.path}#/collected/{index}/why_not", text, one.why_not)
    sizes: dict[str, int] = {}
    parts: tuple[tuple[str, tuple[OpenedFile | CollectedFile, ...]], ...] = (
        ("opened", record.opened),
        ("collected", record.collected),
    )
    for part, files in parts:
        for index, file in enumerate(files):
            if isinstance(file.sha256, str) and file.size_bytes is not None:
                place = f"{PROGRAM_FILES.path}#/{part}/{index}/size_bytes"
                known = sizes.setdefault(file.sha256, file.size_bytes)
                text = "is not the size of another file with the same digest"
                yield from differs(place, text, known, file.size_bytes)
    yield from _known_results(record)


def _known_results(record: ProgramFiles) -> Problems:
    written = {one.path for one in record.opened if one.mode == "written"}
    for index, name in enumerate(record.known_results):
        if name not in written:
            text = "is no file that the program wrote"
            yield Problem(f"{PROGRAM_FILES.path}#/known_results/{index}", text, actual=name)


@check("program-metrics", "each number of a file is in the file", kind=KIND)
def program_metrics(evidence: Evidence) -> Problems:
    """numbers.json has one entry for each [[metric]], in order; its value, text and place are what
    extraction (rules/extraction.py) takes from the collected bytes, of the one file that the
    milestone names: where that was kept and has a number, the value is no other, and not unknown.
    The unit is the milestone's. Exact."""
    found = need(evidence.documents.document(PROGRAM_NUMBERS), "there is no numbers.json")
    files = need(evidence.documents.document(PROGRAM_FILES), "there is no files.json")
    specs = evidence.plan.metric
    place = f"{PROGRAM_NUMBERS.path}#/metrics"
    names = [one.name for one in specs]
    yield from differs(
        place, "is not what the milestone asks for", names, [one.name for one in found.metrics]
    )
    for index, (spec, one) in enumerate(zip(specs, found.metrics, strict=False)):
        text = "is not what the milestone says"
        yield from differs(f"{place}/{index}/unit", text, spec.unit, one.unit)
        yield from _of_its_file(spec, one, files, f"{place}/{index}/file")
        data = evidence.contents.get(one.file)
        if data is None:
            if not isinstance(one.value, Unavailable):
                raise CannotCheckError(f"the bytes of {one.file} are not at hand")
            continue
        try:
            taken = extract(data, one.file, spec)
        except MalformedError as error:
            if not isinstance(one.value, Unavailable):
                yield Problem(
                    f"{place}/{index}/value", f"the file {error.message}", actual=one.value
                )
            continue
        text = "is not the number in the file"
        yield from differs(f"{place}/{index}/value", text, taken.value, one.value)
        yield from differs(f"{place}/{index}/text", text, taken.text, one.text)
        yield from differs(f"{place}/{index}/place", text, taken.place, one.place)


def _of_its_file(spec: MetricSpec, one: NumberInFile, files: ProgramFiles, place: str) -> Problems:
    kept = [file for file in files.collected if _is_of(file.path, spec.file)]
    names = [f"{COLLECTED}/{file.kept_as}" for file in kept if file.kept_as is not None]
    if one.file and one.file not in names:
        yield Problem(place, "is no file that the milestone means", spec.file, one.file)
    elif not one.file and names and len(kept) == 1 and is_plain(spec.file):
        yield Problem(place, "is left out, and the file was kept", names[0], one.file)


@check("program-told-twice", "numbers that were told twice agree", kind=KIND)
def program_told_twice(evidence: Evidence) -> Problems:
    """num_told_twice and differing of numbers.json are what rules/tellings.py finds in log, steps
    and files written in this run; program-taught warns of each. Where the log is not byte for byte
    what the last process printed (cut, or of several starts), it can but add to what the rest
    shows. Tolerance: half a unit of the last digit told, and 1e-5 of the value."""
    found = need(evidence.documents.document(PROGRAM_NUMBERS), "there is no numbers.json")
    record = need(evidence.documents.document(PROGRAM), "there is no program.json")
    log = evidence.contents.get(COMMAND.log)
    if log is None:
        raise CannotCheckError(f"{COMMAND.log} is not at hand")
    collected = need(evidence.documents.document(PROGRAM_FILES), "there is no files.json")
    names = [f"{COLLECTED}/{name}" for name in sorted(written_in_run(collected))]
    if any(name not in evidence.contents for name in names if name.endswith(TRAINER_STATE)):
        raise CannotCheckError("a file that tells numbers is not at hand")
    files = {name: evidence.contents[name] for name in names if name in evidence.contents}
    steps = evidence.documents.rows(PROGRAM_STEPS)
    last = len(evidence.events("stage-started", KIND))
    is_whole = last == 1 and len(log) == record.output_bytes
    text = log.decode("utf-8", "replace") if is_whole else ""
    own = tuple(row for row in steps if row.segment == last)
    told = tellings(text, own, record.logged, files)
    yield from _told(told, found, is_whole=is_whole)
    most = told.num_compared + NUMBERS_OF_LINE * len(record.logged)
    if found.num_told_twice > most:
        place = f"{PROGRAM_NUMBERS.path}#/num_told_twice"
        yield Problem(place, "is more than log and files can tell", most, found.num_told_twice)


def _told(told: Told, found: ProgramNumbers, *, is_whole: bool) -> Problems:
    if not is_whole and told.num_compared <= found.num_told_twice:
        missing = [one for one in told.differing if one not in found.differing]
        if missing:
            text = "leaves out differences that the files show"
            yield Problem(f"{PROGRAM_NUMBERS.path}#/differing", text)
        return
    place = f"{PROGRAM_NUMBERS.path}#/num_told_twice"
    yield from differs(
        place, "is not what the log and the files tell", told.num_compared, found.num_told_twice
    )
    if told.differing != found.differing:
        place = f"{PROGRAM_NUMBERS.path}#/differing"
        yield Problem(place, "are not the differences that the log and the files show")


@check("program-taught", "the model was taught what the milestone means", kind=KIND, by_author=True)
def program_taught(evidence: Evidence) -> Problems:
    """A field that [data.*] declares as an answer carries loss in at least one row of its file, as
    far as files were looked at; what else weakens a program is a warning (rules/program.py)."""
    need(evidence.documents.document(PROGRAM), "there is no program.json")
    for one in remarks_of(evidence.documents):
        yield Problem(one.address, one.text, severity=one.severity)


def _is_of(path: str, pattern: str) -> bool:
    """Whether a file, as files.json calls it, may be one that a pattern of the milestone means.

    More than the pattern's own rules may match; what leads elsewhere, or had names cut out, may be
    any file.
    """
    wanted = pattern.replace("\\", "/").replace(f"{OUTPUT}/", "output/")
    if OUTPUT in wanted or ".." in wanted or wanted.startswith("/") or commands.has_names_cut(path):
        return True
    if is_plain(wanted):
        return posixpath.normpath(wanted).lower() == path.replace("\\", "/").lower()
    loose = wanted.removeprefix("./").replace("**/", "*")
    return fnmatch.fnmatchcase(path.lower(), loose.lower())
