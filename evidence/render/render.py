"""The rendered set of a pack: summary, plots and report, from evidence and what was attached later.

Responsible for bringing values, views and the versioned templates together, and them to
their writers. Pure: the same documents, root digest and attached files give the same bytes. Writing
them to disk is `publish`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import PackBrokenError
from evidence.pack.documents import Documents
from evidence.pack.imported import Imported, PackDocuments
from evidence.pack.stage_view import view_of
from evidence.records.run import RenderedEntry, RenderedRecord
from evidence.render import imported, plot, program, report, view
from evidence.render.page import page, stage_page
from evidence.render.values import Sheet
from evidence.render.withheld import without_rows
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import STEPS
from evidence.system import resources
from evidence.text import marked, templating, written

TEMPLATE: Final = "v1"
"""The template version that new packs are rendered with. Older ones stay for ever."""

LOSS_PLOT: Final = f"{layout.PLOTS}/loss.svg"
_SUMMARY: Final = "summary.md.j2"


def render_pack(
    documents: PackDocuments,
    root_sha256: str,
    attached: Mapping[str, bytes],
    *,
    with_report: bool = True,
) -> dict[str, bytes]:
    """Path → bytes of summary, plots and report (rendered.json and attached files left out).

    The template version is that of the manifest. Packs of before there were reports have none
    (`with_report`). Raises PackBrokenError without results.
    """
    if isinstance(documents, Imported):
        files, drawings, summary = _imported(documents, root_sha256, attached)
    else:
        files, drawings, summary = _of_run(documents, root_sha256, attached)
    version = template_version(documents)
    if with_report:
        files[layout.REPORT] = _report(version, documents, summary, drawings)
    name = layout.summary_name(report.id_of(documents))
    return {**files, name: written.as_markdown(summary).encode("utf-8")}


Drawings = dict[str, dict[str, Any]]
"""By path what the template of a plot draws."""


def _of_run(
    documents: Documents, root_sha256: str, attached: Mapping[str, bytes]
) -> tuple[dict[str, bytes], Drawings, str]:
    """Plots, what they draw, and the summary with its data in marks."""
    if documents.results is None:
        raise PackBrokenError(f"{layout.RESULTS} is missing: there is nothing to render from")
    version, results = template_version(documents), documents.results
    documents, sheet = without_rows(documents), Sheet(results.values)
    context = page(documents, results, sheet, root_sha256, attached)
    drawings: Drawings = {}
    texts: dict[str, list[str]] = {"results": [], "details": []}
    for stage in stages_of(documents.milestone):
        own, seen, of_stage = context, documents, sheet
        if stage.is_named:
            seen = view_of(documents, stage)
            of_stage = Sheet({} if seen.results is None else seen.results.values, stage.name)
            own = {**context, **stage_page(seen, stage, of_stage)}
        drawing = _drawing(seen, of_stage)
        path = loss_plot(stage)
        own = {**own, "plot": "" if drawing is None else path}
        if drawing is not None:
            drawings[path] = drawing
        for section in stage.kind.sections:
            texts[section.place].append(_section(version, section.template, stage, own))
    files = {path: fill(version, "loss.svg.j2", one) for path, one in drawings.items()}
    return files, drawings, _text(version, _SUMMARY, context | texts)


def _report(version: str, documents: PackDocuments, summary: str, drawings: Drawings) -> bytes:
    figures = {path: _text(version, "report_plot.svg.j2", one) for path, one in drawings.items()}
    context = report.view(documents, summary, figures, shipped(version, "report"))
    return _text(version, "report.html.j2", context).encode("utf-8")


@cache
def shipped(version: str, *names: str) -> report.Shipped:
    """Style and script of every page of a kind, which are those of these names."""
    style, script = (
        "".join(
            resources.read("templates", f"{version}/{name}.{end}").decode("utf-8") for name in names
        )
        for end in ("css", "js")
    )
    return report.Shipped(style, script)


def loss_plot(stage: Stage) -> str:
    """Where the plot of a stage lies. No two names differ in case alone."""
    return f"{layout.PLOTS}/loss-{stage.name.lower()}.svg" if stage.is_named else LOSS_PLOT


def _section(version: str, template: str, stage: Stage, context: Mapping[str, Any]) -> str:
    """A section of a stage; of one with a folder of its own below its name."""
    text = _text(version, template, context)
    if not stage.is_named:
        return text
    return text.replace("## ", f"## Stage {marked.inline(stage.name)}: ", 1)


def _imported(
    documents: Imported, root_sha256: str, attached: Mapping[str, bytes]
) -> tuple[dict[str, bytes], Drawings, str]:
    version = template_version(documents)
    drawing = imported.drawing(documents)
    files = {} if drawing is None else {LOSS_PLOT: fill(version, "loss.svg.j2", drawing)}
    context = imported.page(documents, Sheet(documents.results.values), root_sha256, attached)
    context["plot"] = LOSS_PLOT if files else ""
    drawings = {} if drawing is None else {LOSS_PLOT: drawing}
    return files, drawings, _text(version, "imported.md.j2", context)


def rendered_list(
    documents: PackDocuments,
    root_sha256: str,
    files: Mapping[str, bytes],
    attaching: tuple[RenderedEntry, ...] = (),
) -> bytes:
    """rendered.json: every file of the rendered set, attached ones included, with its digest.

    `attaching`: what is being attached at this moment, and is not among `files` yet.
    """
    record = RenderedRecord(
        schema="rendered.v1",
        template=template_version(documents),
        root_sha256=root_sha256,
        files=listed(files),
        attaching=attaching,
    )
    value = encode(record)
    if not attaching:
        del value["attaching"]
    return jsonio.dump_document(value)


def listed(files: Mapping[str, bytes]) -> tuple[RenderedEntry, ...]:
    """Files as rendered.json lists them."""
    return tuple(
        RenderedEntry(path=path, sha256=sha256_hex(data), size_bytes=len(data))
        for path, data in sorted(files.items())
    )


def template_version(documents: PackDocuments) -> str:
    """The template version a pack is rendered with. Raises PackBrokenError for an unknown one."""
    version = TEMPLATE if documents.manifest is None else documents.manifest.template
    if version not in versions():
        raise PackBrokenError(
            f"the pack wants the template {version!r}, which this evidence-pack does not have",
            hint="Install a newer evidence-pack.",
        )
    return version


@cache
def versions() -> tuple[str, ...]:
    """Names of the template versions that are shipped."""
    return tuple(sorted(p.name for p in resources.folder("templates").iterdir() if p.is_dir()))


@cache
def _templates(version: str, names: tuple[str, ...]) -> Any:  # only templating knows Jinja's types
    sources = {
        name: resources.read("templates", f"{version}/{name}").decode("utf-8") for name in names
    }
    return templating.shipped(sources, templating.ByteCode(version))


def fill(version: str, name: str, context: Mapping[str, Any]) -> bytes:
    """A template of a shipped version, filled in. Data in `context` is in marks, or escaped."""
    return written.as_markdown(_text(version, name, context)).encode("utf-8")


def _text(version: str, name: str, context: Mapping[str, Any]) -> str:
    templates = _templates(version, resources.names("templates", version, ".j2"))
    return templating.render(templates.get_template(name), context)


def _drawing(documents: Documents, sheet: Sheet) -> dict[str, Any] | None:
    """What loss.svg.j2 draws of a run, or of the view of a stage; None where nothing trained."""
    title = f"{documents.milestone.id}: training loss"
    points = program.points(documents) if sheet.has("program.num_steps") else ()
    if points:
        return plot.loss_plot(points, (), title, "")
    if documents.results is None or not sheet.has("train.num_steps"):
        return None
    if documents.stage is not None:
        title = f"{documents.milestone.id}, stage {documents.stage.name}: training loss"
    notes = []
    if sheet.raw("run.stand_in") is True:
        notes.append("stand-in run")
    if view.is_random(documents):
        notes.append("random initial weights")
    table = documents.results.loss_table
    return plot.loss_plot(documents.rows(STEPS), table, title, ", ".join(notes))
