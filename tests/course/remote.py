"""Runs answers of the bank where the package's checks are not: reads (call's text, answer's text, names, inputs) from
stdin, writes the named values to stdout. What a sandbox will do, without the sandbox.
"""

import sys

import torch

from gritlib.course import wire


def run(job: dict) -> dict:
    space, student = {"torch": torch}, {"__name__": "student"}
    exec(job["call"], space)
    exec(job["answer"], student)
    try:
        return {"values": space[job["function"]](job["inputs"], *(student[name] for name in job["names"]))}
    except Exception as error:
        return {"error": type(error).__name__}


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.buffer.write(wire.pack([run(job) for job in wire.unpack(sys.stdin.buffer.read())]))
