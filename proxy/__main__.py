"""The program: `farebox`, or `python -m proxy`."""

import sys

from proxy.cli.program import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
