"""What the grader and a box say to each other: frames of bytes with their length before them. Needs only the standard
library, on both sides.
"""

import os
import struct

SIZE = struct.Struct("<Q")
HEADER = struct.Struct("<BI")  # kind of what a box says of an answer, and the part that it is about
CLOCK = 6  # seconds on the clock for one of the processor's, where a call is stopped
HEAD, OUTCOME, STOPPED, DIED, END = range(5)


def write(pipe: int, data: bytes) -> None:
    """A frame."""
    left = memoryview(SIZE.pack(len(data)) + data)
    while left:
        left = left[os.write(pipe, left) :]


def read(pipe) -> bytes | None:
    """A frame from a binary file, None at its end."""
    head = pipe.read(SIZE.size)
    return pipe.read(SIZE.unpack(head)[0]) if len(head) == SIZE.size else None
