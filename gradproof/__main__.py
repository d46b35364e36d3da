"""`python -m gradproof` is the command `gradproof`."""

import sys

from gradproof.cli import main

sys.exit(main())
