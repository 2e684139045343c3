"""The mutations of the torture fit the code that they are to break."""

from __future__ import annotations

from pathlib import Path

import pytest

from torture.mutations import MUTATIONS, ROOT


@pytest.mark.parametrize(("file", "text"), [(file, old) for mutation in MUTATIONS for file, old, _ in mutation.changes])
def test_text_replaced_by_a_mutation_exists(file: str, text: str) -> None:
    assert text in (ROOT / Path(file)).read_text()
