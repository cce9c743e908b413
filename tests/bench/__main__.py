"""`make bench`: what changes, starts and proxies cost, as ratios within one run.

Real servers in processes of their own serve meshes that are made for the run; simulated sidecars in
another process ACK what they are sent. Targets stand beside the figures; nothing fails when one is
missed, because machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.processes import SERVE, BenchError, allow_files
from tests.bench.run import FULL, QUICK, Bench


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench BENCH_ARGS=…",
        description="Measures what changes, starts and proxies cost. Compare ratios, not times: machines are noisy.",
    )
    parser.add_argument("--quick", action="store_true", help="a short run with fewer sidecars")
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "json"),
        default="table",
        help="for people, or for scripts",
    )
    parser.add_argument(
        "--server",
        default=SERVE,
        metavar="COMMAND",
        help="measure another server, e.g. of an earlier checkout; {config} in it is the directory to serve",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark and print what it found; progress goes to standard error."""
    options = _options(arguments)
    began = time.monotonic()

    def progress(what: str) -> None:
        print(f"==> [{time.monotonic() - began:4.0f} s] {what}", file=sys.stderr, flush=True)

    allow_files()
    try:
        with tempfile.TemporaryDirectory(prefix="chancery-bench-") as directory:
            plan = QUICK if options.quick else FULL
            report = Bench(plan, options.server, Path(directory), progress).run()
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    progress("done")
    print(report.json() if options.output == "json" else report.text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
