"""Put A and B side by side, or take them apart: the same as
`python -m gritlib data pair`, whose --help lists the options."""

import sys

from gritlib.__main__ import main

if __name__ == "__main__":
    main(["data", "pair", *sys.argv[1:]])
