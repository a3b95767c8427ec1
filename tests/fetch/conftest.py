"""Archives of the same inner layout as the real ones, a server that sends them, and sets that come from there."""

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from gritlib.data import public

SIDE = 32


def picture(seed, width=SIDE, height=SIDE, form="JPEG"):
    """Bytes of a smooth random picture."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
    file = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(file, form, quality=95)
    return file.getvalue()


def tar(files):
    """A tar.gz of {name: bytes}; a TarInfo in place of bytes is added as it is."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(files):
    """A zip of {name: bytes}; the name may be a ZipInfo."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def pairs(counts, name="facades"):
    """Files as in pix2pix' archives: NAME/SPLIT/1.jpg, photo and labels side by side."""
    return {
        f"{name}/{split}/{i}.jpg": picture([i, len(split)], 2 * SIDE) for split, n in counts.items() for i in range(n)
    }


class Server:
    """Sends named files from the loopback address.

    `files` and `cuts` may be changed while it runs: after how many bytes of an answer the connection is closed, one
    number an answer. `asked` has the name and the range of every request.
    """

    def __init__(self):
        self.files, self.cuts, self.asked, serving = {}, [], [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                wanted, content = self.headers.get("Range"), serving.files.get(self.path[1:])
                serving.asked.append((self.path[1:], wanted))
                if content is None:
                    self.send_error(404)
                    return
                start = int(wanted[len("bytes=") : -1]) if wanted else 0
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                self.wfile.write(content[start : start + serving.cuts.pop(0) if serving.cuts else None])

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """The cache, torch's folders and the sets in a folder of the test; the loopback address without a proxy."""
    monkeypatch.setenv("GRITLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRITLIB_DATA", str(tmp_path / "sets"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def sets(tmp_path):
    return tmp_path / "sets"


@pytest.fixture
def register(monkeypatch, server):
    """Put a fixture's archive on the server and its facts in the place of a real set's.

    `checked` says which hash the registry has: "sha256", "md5", None, or "wrong" for an md5 of something else.
    """

    def put(name, content, counts, checked="sha256", **more):
        fact = {
            key: value
            for key, value in public.registry()[name].items()
            if key not in ("sha256", "md5", "about", "sha256_from")
        }
        if "archive" in fact:
            server.files[fact["archive"]] = content
            fact |= {"urls": [f"{server.address}/{fact['archive']}"], "bytes": len(content)}
        if checked:
            algorithm = "sha256" if checked == "sha256" else "md5"
            hashed = content if checked != "wrong" else b"another"
            fact[algorithm] = hashlib.new(algorithm, hashed).hexdigest()
        fact |= {"sha256_from": "a test has it"} if checked == "sha256" else {}
        fact |= {"counts": counts, **more}
        monkeypatch.setitem(public.registry(), name, fact)
        return fact

    return put


def png(pixels):
    """Bytes of a PNG with exactly these pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def celebamask(numbers, side=64, **parts):
    """Files as in CelebAMask-HQ.zip: photos of twice the masks' side, a mask for every part of every face.

    Args:
        numbers: for each face the number of its CelebA file. parts: masks (bool) of every face; by default a square of
            skin, a smaller nose on it, an eye on each side.
    """
    if not parts:
        parts = {name: np.zeros((side, side), bool) for name in ("skin", "nose", "l_eye", "r_eye")}
        parts["skin"][4:-4, 4:-4] = True
        parts["nose"][side // 2 - 4 : side // 2 + 4, side // 2 - 4 : side // 2 + 4] = True
        parts["l_eye"][8:16, 8:20] = parts["r_eye"][8:16, -20:-8] = True
    top, rows = "CelebAMask-HQ", ["idx     orig_idx    orig_file"]
    files = {f"{top}/README.txt": b"read me", "__MACOSX/CelebAMask-HQ/CelebA-HQ-img/._0.jpg": b"x"}
    for face, number in enumerate(numbers):
        rows.append(f"{face:<8d}{number - 1:<12d}{number:06d}.jpg")
        files[f"{top}/CelebA-HQ-img/{face}.jpg"] = picture([9, face], 2 * side, 2 * side)
        for part, mask in parts.items():
            painted = np.repeat(mask[:, :, None].astype(np.uint8) * 255, 3, axis=2)
            files[f"{top}/CelebAMask-HQ-mask-anno/{face // 2000}/{face:05d}_{part}.png"] = png(painted)
    files[f"{top}/CelebA-HQ-to-CelebA-mapping.txt"] = "\n".join(rows).encode() + b"\n"
    return files


@pytest.fixture
def make():
    """The functions above, for tests that build archives of their own."""

    class Make:
        picture, tar, zipped, pairs = map(staticmethod, (picture, tar, zipped, pairs))
        png, celebamask = map(staticmethod, (png, celebamask))

    return Make


@pytest.fixture
def facades(make, register):
    """The archive of a small set, served."""
    counts = {"train": 4, "val": 2, "test": 3}
    content = make.tar(make.pairs(counts))
    register("facades", content, counts)
    return content
