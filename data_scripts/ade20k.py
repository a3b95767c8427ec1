"""Prepare the challenge set of ADE20K: the same as
`python -m gritlib data ade20k`, whose --help lists the options."""

import sys

from gritlib.__main__ import main

if __name__ == "__main__":
    main(["data", "ade20k", *sys.argv[1:]])
