"""Prepare CelebAMask-HQ from your own download: the same as
`python -m gritlib data celebamask-hq`, whose --help lists the options."""

import sys

from gritlib.__main__ import main

if __name__ == "__main__":
    main(["data", "celebamask-hq", *sys.argv[1:]])
