"""`python -m bench [part ...]`: measure all parts, or those that are named, and print one table."""

import argparse
import os
import platform
import signal
import sys
import time

from rich.console import Console
from rich.table import Table

from bench import calls, latency, pages, plain, proxies, watchers
from bench.figure import Figure
from bench.gateways import Gateways, NotStarted

PARTS = {
    "calls": calls.measure,
    "proxies": proxies.measure,
    "plain": plain.measure,
    "pages": pages.measure,
    "latency": latency.measure,
    "watchers": watchers.measure,
}

REPORT_WIDTH = 160
"""Characters; a narrower terminal wraps the lines, and a file holds them whole."""


def report(figures: dict[str, list[Figure]], seconds: dict[str, float]) -> Table:
    """All figures, side by side with their goals."""
    table = Table(title=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for heading in ("part", "what", "goal", "figure", "", "measured"):
        table.add_column(heading, justify="right" if heading in ("goal", "figure") else "left")
    for part, lines in figures.items():
        for figure in lines:
            table.add_row(
                part,
                figure.what,
                str(figure.goal or ""),
                f"{figure.value:,.3g} {figure.unit}".strip()
                if figure.value < 1000
                else f"{figure.value:,.0f} {figure.unit}".strip(),
                figure.verdict,
                figure.detail,
            )
        table.add_section()
    table.caption = "; ".join(f"{part} took {taken:.0f} s" for part, taken in seconds.items())
    return table


def main() -> int:
    """Measure and print. Returns the exit code: 1 where a gateway did not start."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="the parts to measure; without any, all")
    parts = parser.parse_args().parts or list(PARTS)
    console = Console(width=REPORT_WIDTH)
    figures: dict[str, list[Figure]] = {}
    seconds: dict[str, float] = {}
    gateways = Gateways()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that `finally` stops what was started
    try:
        for part in parts:
            console.print(f"Measuring {part} …")
            begin = time.monotonic()
            figures[part] = PARTS[part](gateways)
            seconds[part] = time.monotonic() - begin
    except NotStarted as error:
        console.print(str(error), markup=False)
        return 1
    finally:
        gateways.close()
    console.print(report(figures, seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
