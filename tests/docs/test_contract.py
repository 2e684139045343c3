"""Clause numbers that the code, the tests and the pages cite exist in the contract."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
CLAUSES = set(re.findall(r"^- \*\*([A-Z][0-9]+)\b", CONTRACT, re.M))
SECTIONS = "".join(sorted({clause[0] for clause in CLAUSES}))
CITATION = re.compile(rf"\b[{SECTIONS}][0-9]{{1,2}}\b")
FILES = subprocess.run(["git", "ls-files", "*.py", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
PLACES = ("ticketbot/", "tests/", "torture/", "deploy/", "docs/", "README")
CITING = [name for name in FILES.stdout.split() if name.startswith(PLACES) and not name.startswith("tests/payloads/")]


def _prose(path: Path) -> Iterator[str]:
    """Yield what may cite a clause: pages, and the comments and docstrings of code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield text
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
            yield token.string


def test_the_contract_has_the_clauses_of_every_section() -> None:
    assert "".join(each for each in SECTIONS if each in "ABCDFLOSTW") == "ABCDFLOSTW"
    assert len(CLAUSES) > 90


@pytest.mark.parametrize("name", CITING)
def test_every_clause_that_is_cited_exists(name: str) -> None:
    cited = {number for text in _prose(ROOT / name) for number in CITATION.findall(text)}
    assert cited <= CLAUSES
