"""Prepare Cityscapes from your own download: the same as
`python -m gritlib data cityscapes`, whose --help lists the options."""

import sys

from gritlib.__main__ import main

if __name__ == "__main__":
    main(["data", "cityscapes", *sys.argv[1:]])
