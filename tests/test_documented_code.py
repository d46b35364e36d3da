"""Every block of code that the documentation shows runs, and prints what is shown; or it says why not."""

from pathlib import Path

import pytest
from pages import DOCS, blocks, faults, of_page

PAGES = ["../README.md", *sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))]
SLOW = {
    *("howto/backend.md", "howto/elsewhere.md", "howto/reports.md", "howto/running.md"),
    *("reference/optax.md", "reference/pytorch.md", "reference/trainings.md"),
    *("tutorials/backward.md", "tutorials/ci.md", "tutorials/port.md", "tutorials/training.md"),
}
"""Pages that train, or import frameworks, for five seconds and more."""


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.slow) if page in SLOW else page for page in PAGES]
)
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path) -> None:
    assert "\n\n".join(faults(of_page(page), tmp_path)) == ""


def test_pages_that_are_slow_are_there() -> None:
    assert set(PAGES) >= SLOW


RIGHT = """
```python title="mine.py"
x = 2
```

It goes on:

```python
from mine import x as same

print(x, same)
for line in "abc":
    print(line)
```

```text
2 2
…
c
```

```sh
echo "$COLUMNS" && python -c 'import sys'
```

<!-- not run: it ends the world -->
```sh
exit 1
```

```toml
a = 1
```
"""

PLANTED = {
    "another output": ("2 2", "2 3", "shows"),
    "an output that ends earlier": ("…\nc", "a", "shows"),
    "an error": ("print(x, same)", "print(y)", "NameError"),
    "the end of the process": ("x = 2", "import os\nos._exit(3)", "end Python"),
    "a command that fails": ("echo", "false", "has the status"),
    "a mark without a reason": ("not run: it ends the world", "not run", "has the status 1"),
    "data that cannot be read": ("a = 1", "a = ", "is no toml"),
    "a language that is not known": ("```toml", "```pyhton", "'pyhton' is no language"),
}


def test_a_right_page_has_no_faults(tmp_path: Path) -> None:
    assert faults(blocks(RIGHT), tmp_path) == []


@pytest.mark.parametrize(("old", "new", "told"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_found(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert RIGHT.count(old) == 1
    (fault,) = faults(blocks(RIGHT.replace(old, new)), tmp_path)
    assert told in fault
