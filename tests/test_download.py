"""Downloads against a server on this machine, with and without byte ranges, honest and not."""

import errno
import hashlib
import http.server
import multiprocessing
import threading
from pathlib import Path

import numpy as np
import pytest
import requests

from gritlib import download

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serves one file.

    Args:
        content: what it sends. ranges: whether it knows byte ranges. cut: after how many bytes of each answer the
            connection is closed, one number an answer. status: instead of 200 and 206.
    """

    def __init__(self, content=CONTENT, ranges=True, cut=(), status=None):
        self.asked, cuts, serving = [], list(cut), self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = self.headers.get("Range")
                serving.asked.append(wanted)
                start = int(wanted[len("bytes=") : -1]) if wanted and ranges else 0
                if status or start >= len(content):
                    self.send_error(status or 416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                end = start + cuts.pop(0) if cuts else len(content)
                self.wfile.write(content[start:end])

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/weights.pth"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def serve():
    servers = []

    def start(**options):
        servers.append(Server(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("GRITLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("GRITLIB_ALLOW_DOWNLOAD", raising=False)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def fetch(*servers, known=SHA256, allow=True, **options):
    return download.fetch([s.url for s in servers], known, allow=allow, progress=False, **options)


def files(folder):
    return {f.name for f in folder.iterdir() if not f.name.endswith(".lock")} if folder.exists() else set()


def test_a_file_is_fetched_once(serve, cache):
    server = serve()
    path = fetch(server)
    assert path == cache / "weights.pth" and path.read_bytes() == CONTENT and files(cache) == {"weights.pth"}
    assert fetch(server) == path and fetch(server, allow=False) == path and len(server.asked) == 1


@pytest.mark.parametrize(
    "known", [SHA256[:8], SHA256.upper(), "sha256:" + SHA256, "md5:" + hashlib.md5(CONTENT).hexdigest()]
)
def test_the_known_beginning_of_a_hash_is_enough(serve, known):
    assert fetch(serve(), known=known).read_bytes() == CONTENT


@pytest.mark.parametrize("known", ["", SHA256[:7], "crc:12345678", "not hexadecimal"])
def test_a_hash_that_says_nothing_is_refused(serve, known):
    server = serve()
    with pytest.raises(ValueError, match="8 or more hexadecimal digits"):
        fetch(server, known=known)
    assert not server.asked


def test_a_cut_connection_is_taken_up_where_it_stopped(serve):
    server = serve(cut=(98_304, 49_152))
    assert fetch(server).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=98304-", "bytes=147456-"]


def test_a_server_without_ranges_starts_again(serve):
    server = serve(cut=(98_304,), ranges=False)
    assert fetch(server).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=98304-"]


def test_a_later_call_goes_on_and_a_part_never_looks_complete(serve, cache):
    broken = serve(cut=(98_304, 0, 0))
    with pytest.raises(FileNotFoundError, match=r"98,304 bytes are kept, run again .* put it into .*cache"):
        fetch(broken)
    assert files(cache) == {"weights.pth.part"}
    with pytest.raises(FileNotFoundError, match="downloads are off"):
        fetch(broken, allow=False)
    server = serve()
    assert fetch(server).read_bytes() == CONTENT and server.asked == ["bytes=98304-"]
    assert files(cache) == {"weights.pth"}


def test_connections_that_bring_nothing_new_come_to_an_end(serve):
    server = serve(cut=(49_152, 65_536, 32_768, 65_536, 1), ranges=False)
    with pytest.raises(FileNotFoundError, match="could not be downloaded"):
        fetch(server)
    assert len(server.asked) == 4  # 48, 64 KiB, then two that do not get further


def test_a_part_that_belongs_to_another_file_is_replaced(serve, cache):
    cache.mkdir()
    (cache / "weights.pth.part").write_bytes(b"x" * 1000)
    server = serve()
    assert fetch(server).read_bytes() == CONTENT and server.asked == ["bytes=1000-", None]


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_as_long_as_the_file_is_checked(serve, cache, size):
    cache.mkdir()
    (cache / "weights.pth.part").write_bytes((CONTENT + b"12345")[:size])
    server = serve()
    assert fetch(server).read_bytes() == CONTENT
    assert server.asked == [f"bytes={size}-"] + ([None] if size > len(CONTENT) else [])


@pytest.mark.parametrize("cut", [(), (98_304,)])
def test_a_wrong_hash_leaves_nothing(serve, cache, cut):
    server = serve(content=bytes(len(CONTENT)), cut=cut)
    with pytest.raises(FileNotFoundError, match=f"its hash is .*… instead of {SHA256[:8]}…"):
        fetch(server)
    assert files(cache) == set() and len(server.asked) == 1 + len(cut)


@pytest.mark.parametrize(
    "wrong", [{"status": 404}, {"status": 503}, {"content": b"<html>moved</html>"}, {"cut": (9, 0, 0)}]
)
def test_the_next_address_is_tried(serve, cache, wrong):
    bad, good = serve(**wrong), serve()
    assert fetch(bad, good).read_bytes() == CONTENT
    assert len(bad.asked) == {404: 1, 503: download.TRIES}.get(wrong.get("status"), len(bad.asked))
    assert files(cache) == {"weights.pth"}


def test_another_size_than_announced_is_not_downloaded(serve):
    small, good = serve(content=CONTENT[:5000]), serve()
    assert fetch(small, good, size=len(CONTENT)).read_bytes() == CONTENT
    with pytest.raises(FileNotFoundError, match="announces 5,000 bytes, expected 300,000"):
        fetch(small, size=len(CONTENT), name="other.pth")


def test_no_server_is_said_with_its_address(cache):
    url = "http://127.0.0.1:9/weights.pth"
    with pytest.raises(FileNotFoundError, match=url.replace(".", r"\.") + r": ConnectionError\)"):
        download.fetch(url, SHA256, allow=True, progress=False)
    assert files(cache) == set()


def test_nothing_is_downloaded_unless_allowed(serve, cache, monkeypatch):
    server = serve()
    for value in (None, "0", ""):
        if value is not None:
            monkeypatch.setenv("GRITLIB_ALLOW_DOWNLOAD", value)
        with pytest.raises(FileNotFoundError) as error:
            fetch(server, allow=None, size=123_000_000)
        said = str(error.value)
        assert all(
            word in said for word in ("weights.pth (123 MB)", "GRITLIB_ALLOW_DOWNLOAD=1", server.url, str(cache))
        )
    assert not server.asked and not cache.exists()
    monkeypatch.setenv("GRITLIB_ALLOW_DOWNLOAD", "1")
    assert fetch(server, allow=None).exists()


def test_a_file_put_there_by_hand_is_used_if_it_is_the_right_one(serve, cache):
    server = serve()
    cache.mkdir()
    (cache / "weights.pth").write_bytes(CONTENT[:-1])
    with pytest.raises(FileNotFoundError, match=f"is there, but its hash is .*… instead of {SHA256[:8]}…"):
        fetch(server, allow=False)
    (cache / "weights.pth").write_bytes(CONTENT)
    assert fetch(server, allow=False) == cache / "weights.pth" and not server.asked


def test_what_torch_hub_has_is_used(serve, cache, tmp_path):
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / "weights.pth").write_bytes(CONTENT)
    server = serve()
    assert fetch(server, name="renamed.pth", allow=False) == hub / "weights.pth"
    (hub / "weights.pth").write_bytes(b"another")  # not ours to touch
    assert fetch(server) == cache / "weights.pth" and (hub / "weights.pth").read_bytes() == b"another"


def test_a_folder_that_cannot_be_made_is_named(serve, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileNotFoundError, match="set GRITLIB_CACHE"):
        fetch(serve(), folder=tmp_path / "file" / "cache")


def _fetch_in_process(url, allow):
    download.fetch(url, SHA256, allow=allow, progress=False)


def test_two_processes_download_once(serve):
    server = serve()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_fetch_in_process, args=(server.url, True)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [p.exitcode for p in processes] == [0, 0, 0] and len(server.asked) == 1


def test_the_downloader_speaks_poochs_protocol(serve, tmp_path):
    import pooch

    path = pooch.retrieve(
        serve().url, SHA256, fname="a.pth", path=tmp_path / "pooch", downloader=download.RangeDownloader()
    )
    assert Path(path).read_bytes() == CONTENT


def test_the_default_folder_is_the_platforms(monkeypatch):
    monkeypatch.delenv("GRITLIB_CACHE")
    import pooch

    assert download.cache_folder() == Path(pooch.os_cache("gritlib"))


def test_a_bar_is_shown(serve, capsys):
    download.fetch(serve().url, SHA256, allow=True)
    assert "weights" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_other_address_is_asked_for_when_the_disk_is_full(serve, monkeypatch, number):
    servers = serve(), serve()

    def full(self, url, path, pooch=None):
        requests.get(url, timeout=10).close()
        raise OSError(number, "full")

    monkeypatch.setattr(download.RangeDownloader, "__call__", full)
    with pytest.raises(OSError, match="full") as error:
        fetch(*servers)
    assert error.value.errno == number and [len(server.asked) for server in servers] == [1, 0]


def test_an_error_without_a_number_is_no_full_disk():
    assert None not in download.FULL


def test_requests_errors_are_os_errors():
    assert issubclass(requests.RequestException, OSError)
