"""Shared by all tests: one thread (bit-stable, and two workers share two cores) and no leftover randomness."""

import pytest
import torch


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch):
    monkeypatch.delenv("GRITLIB_ALLOW_DOWNLOAD", raising=False)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)
