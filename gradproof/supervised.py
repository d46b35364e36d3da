"""The process that `gradproof.supervision` starts: it carries a command's work out."""

import sys

from gradproof.cli import perform
from gradproof.supervision import carry_out

if __name__ == "__main__":
    carry_out(perform, *sys.argv[1:])
