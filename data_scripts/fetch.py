"""Download, verify and prepare a public dataset by its name: the same as
`python -m gritlib data fetch`, whose --help lists the options."""

import sys

from gritlib.__main__ import main

if __name__ == "__main__":
    main(["data", "fetch", *sys.argv[1:]])
