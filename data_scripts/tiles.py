"""Cut large pairs into tiles: the same as
`python -m gritlib data tiles`, whose --help lists the options."""

import sys

from gritlib.__main__ import main

if __name__ == "__main__":
    main(["data", "tiles", *sys.argv[1:]])
