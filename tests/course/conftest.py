"""No test of the course touches the home of whoever runs it, or sees a lesson that another test began."""

import pytest

from gritlib.course import session


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """The folder that GRITLIB_HOME names during the test."""
    for name in ("GRITLIB_STRICT", "GRITLIB_STUDENT", "GRITLIB_PRESET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(session, "_session", None)
    monkeypatch.setattr(session, "_student", None)
    return tmp_path / "home"
