"""`make fuzz`: the property tests, again and again with fresh seeds, for a stated time.

`make test` draws the same cases each time, so that it gives the same answer twice; this looks for
new ones. What fails is printed with the command that repeats it, and ends the search.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

DEFAULT_SECONDS = 300
NOTHING_FAILED = (0, 5)
"""Exit codes of pytest: all passed, nothing was selected."""


def main(
    seconds: float, tests: Sequence[str], *, seeds: random.Random, now: Callable[[], float]
) -> int:
    """Search; returns the exit code.

    Args:
        seconds: So long. A round that is under way then is broken off.
        tests: Which tests, as pytest takes them; all with properties when there are none.
        seeds: Where the rounds' seeds are from.
        now: Seconds.
    """
    end = now() + seconds
    rounds = 0
    while (left := end - now()) > 0:
        seed = seeds.getrandbits(31)
        arguments = [*tests, "-m", "hypothesis", f"--hypothesis-seed={seed}"]
        arguments += [f"--randomly-seed={seed}", "-n0", "-q", "-x"]
        print(f"==> round {rounds + 1}, seed {seed}, {left:.0f} s left", flush=True)
        code = _round(arguments, left)
        if code is None:
            break
        if code not in NOTHING_FAILED:
            print(f"\nround {rounds + 1} has found something; this repeats it:\n")
            print(f"  HYPOTHESIS_PROFILE=search make test PYTEST_ARGS='{' '.join(arguments)}'\n")
            print("Copy the falsifying example above into an @example, mend, and search again.")
            return 1
        rounds += 1
    print(f"nothing found in {rounds} whole rounds")
    return 0


def _round(arguments: list[str], seconds: float) -> int | None:
    """The exit code of pytest; None when the time was up before its end."""
    environment = {**os.environ, "HYPOTHESIS_PROFILE": "search"}
    command = [sys.executable, "-m", "pytest", *arguments]
    with subprocess.Popen(command, env=environment) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            return None


if __name__ == "__main__":
    sys.exit(
        main(
            float(os.environ.get("FUZZ_SECONDS") or DEFAULT_SECONDS),
            sys.argv[1:],
            seeds=random.Random(),
            now=time.monotonic,
        )
    )
