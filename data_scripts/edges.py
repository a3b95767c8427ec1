"""Draw edges of photos with the Canny detector: the same as
`python -m gritlib data edges`, whose --help lists the options."""

import sys

from gritlib.__main__ import main

if __name__ == "__main__":
    main(["data", "edges", *sys.argv[1:]])
