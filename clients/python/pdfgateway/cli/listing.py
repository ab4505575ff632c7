"""Lists: a table on a terminal, else a line for each item, or its JSON."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Generic, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pdfgateway.cli.dead_letter_text import dead_letter_cells, dead_letter_json, dead_letter_line
from pdfgateway.cli.job_text import job_cells, job_json, listed_job_line
from pdfgateway.dead_letter import DeadLetter
from pdfgateway.job import Job

LISTED_DEFAULT = 50
"""How many items are listed, unless --limit says otherwise."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """How the items of one kind are listed."""

    fixed_columns: tuple[str, ...]
    """The headings of the first columns, which are as wide as what stands in them."""
    elastic_columns: tuple[str, ...]
    """The headings of the others, which share the rest of the terminal's width, and are cut to it."""
    cells_of: Callable[[Item, datetime], tuple[str, ...]]
    """The cells of an item's row, as they are at a time."""
    line_of: Callable[[Item], str]
    """An item as a line."""
    json_of: Callable[[Item], str]
    """An item as JSON."""

    def write(self, items: Iterator[Item], limit: int, *, json: bool) -> None:
        """Write the first items, all for a limit of 0; tell on stderr if there are more."""
        shown = islice(items, limit or None)
        if json or not sys.stdout.isatty():
            for item in shown:
                typer.echo(self.json_of(item) if json else self.line_of(item))
        else:
            Console().print(self._table(shown))
        if limit and next(items, None) is not None:
            typer.echo("pdfgateway: there are more; --limit 0 lists all", err=True)

    def _table(self, items: Iterable[Item]) -> Table:
        """Return the items as a table."""
        table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
        for heading in self.fixed_columns:
            table.add_column(heading, no_wrap=True)
        for heading in self.elastic_columns:
            table.add_column(heading, no_wrap=True, overflow="ellipsis", ratio=1)
        now = datetime.now(UTC)
        for item in items:
            table.add_row(*map(Text, self.cells_of(item, now)))
        return table


JOBS: Listing[Job] = Listing(
    fixed_columns=("JOB", "STATE", "AGE"),
    elastic_columns=("DETAIL", "SOURCE"),
    cells_of=job_cells,
    line_of=listed_job_line,
    json_of=job_json,
)
"""How jobs are listed."""

DEAD_LETTERS: Listing[DeadLetter] = Listing(
    fixed_columns=("JOB", "QUEUE", "AGE"),
    elastic_columns=("REASON",),
    cells_of=dead_letter_cells,
    line_of=dead_letter_line,
    json_of=dead_letter_json,
)
"""How dead letters are listed."""
