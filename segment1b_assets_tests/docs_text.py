"""Reads the documentation: pages, headings, links, fenced blocks, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_SHELLS = ("sh", "bash", "console")


def pages() -> list[Path]:
    """Every page, the README and CONTRIBUTING."""
    return [*sorted(DOCS.rglob("*.md")), REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in these languages."""
    return [
        text
        for _, language, text in _FENCE.findall(page.read_text("utf-8"))
        if language in languages
    ]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as MkDocs makes them."""
    return {
        re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())
        for heading in re.findall(r"^#+ +(.+)$", prose(page), re.MULTILINE)
    }


def internal_links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """(link, the file that it means, its anchor or "") for every link that stays in the docs."""
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        yield link, (page.parent / path).resolve() if path else page, anchor


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """The arguments of every call of a program in a page's shell blocks.

    A call is found wherever a command can stand: after ``&&``, in a loop, behind variables that
    are set for it, with the path of the environment in front.
    """
    for text in blocks(page, *_SHELLS):
        for line in text.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            call: list[str] | None = None
            for word in [*lexer, ";"]:
                if set(word) <= set(";&|()<>"):
                    if call is not None:
                        yield call
                    call = None
                elif call is not None:
                    call.append(word)
                elif word.rsplit("/", 1)[-1] == program and "=" not in word:
                    call = []


def table_rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of the tables in a text."""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def sections(page: Path, level: int) -> dict[str, str]:
    """Heading -> text below it, up to the next heading of this level or above."""
    found: dict[str, str] = {}
    heading = None
    for line in page.read_text("utf-8").splitlines():
        depth = len(line) - len(line.lstrip("#")) if line.startswith("#") else 0
        if depth and depth <= level:
            heading = line.lstrip("# ") if depth == level else None
            if heading is not None:
                assert heading not in found, f"{page.name} has two sections {heading!r}"
                found[heading] = ""
        elif heading is not None:
            found[heading] += line + "\n"
    return found
