"""What a command prints comes out once, whatever interrupts it."""

import subprocess
import sys
from collections import Counter

_PRINTS = """
import signal, sys, time
from gradproof.streams import prepare_streams

def interrupt(*_):
    raise KeyboardInterrupt

prepare_streams()
signal.signal(signal.SIGALRM, interrupt)
number, end = 0, time.monotonic() + 0.3
while time.monotonic() < end:
    number += 1
    try:
        signal.setitimer(signal.ITIMER_REAL, 2e-5 + 1e-6 * (number % 40))
        sys.stderr.write(f"line {number}\\n")
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_a_line_that_is_interrupted_while_it_is_printed_is_printed_at_most_once():
    done = subprocess.run([sys.executable, "-c", _PRINTS], stderr=subprocess.PIPE, text=True, check=True)
    lines = done.stderr.splitlines()
    assert len(lines) > 100
    assert [line for line, count in Counter(lines).items() if count > 1] == []
