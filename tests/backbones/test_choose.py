"""Which network is used, what is said about it, and what its numbers may be called."""

import socket

import pytest
import torch

from gritlib import backbones, download

OFFLINE = {"perceptual": "vgg16", "kernel": "lite0", "frechet": "lite0-24", "distance": "vgg16"}
PAPERS = {"perceptual": "vgg19", "kernel": "inception", "frechet": "inception", "distance": "lpips-alex"}


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Nothing chosen yet, empty caches, and no way out of this machine."""
    forget()
    monkeypatch.setenv("GRITLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("GRITLIB_ALLOW_DOWNLOAD", raising=False)

    def refuse(self, address):
        raise OSError(f"no way to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: refuse(None, a[0]))
    yield
    forget()


def forget():
    backbones._decide.cache_clear()
    backbones.weights.cache_clear()


def test_without_files_auto_is_the_offline_network_and_says_so_once(capsys):
    for role, name in OFFLINE.items():
        assert backbones.choose(role) == name and backbones.choose(role, "auto") == name
        said = capsys.readouterr().out
        assert said.count("\n") == 1 and f"{role} network: {name}" in said
        assert PAPERS[role] in said and "GRITLIB_ALLOW_DOWNLOAD=1" in said and "/" not in said
        assert backbones.choose(role) == name and capsys.readouterr().out == ""


@pytest.mark.parametrize("role", PAPERS)
def test_a_file_that_is_there_makes_auto_the_papers_network(role, monkeypatch, tmp_path, capsys):
    name = PAPERS[role]
    wanted = backbones.DOWNLOADED[name]
    path = tmp_path / "cache" / wanted.urls[0].rsplit("/", 1)[-1]
    path.parent.mkdir()
    path.write_bytes(b"weights")
    assert backbones.choose(role) == OFFLINE[role], "another file of this name is not enough"
    forget()
    capsys.readouterr()
    monkeypatch.setattr(
        download, "_wrong", lambda found, known: None if (found, known) == (path, wanted.sha256) else "another file"
    )
    assert backbones.choose(role) == name
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and f"{role} network: {name}" in said and OFFLINE[role] in said
    assert backbones.weights(name) == path


def test_a_download_that_is_allowed_and_fails_falls_back_and_says_why(monkeypatch, capsys):
    monkeypatch.setenv("GRITLIB_ALLOW_DOWNLOAD", "1")
    assert backbones.choose("distance") == "vgg16"
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "could not be downloaded" in said and "alexnet-owt-7be5be79.pth" in said


def test_an_allowed_download_is_asked_for_with_hash_and_size(monkeypatch):
    asked = []
    monkeypatch.setattr(download, "fetch", lambda *a, **k: asked.append((a, k)))
    assert backbones.choose("kernel") == "inception"
    ((urls, sha256), options) = asked[0]
    assert len(urls) == 2 and all("6726825d" in url for url in urls) and sha256.startswith("6726825d")
    assert len(sha256) == 64 and options == {"size": 95_628_359}
    for name, wanted in backbones.DOWNLOADED.items():
        assert all(wanted.sha256[:8] in url for url in wanted.urls), name
        assert len(wanted.sha256) == 64 and int(wanted.sha256, 16)


@pytest.mark.parametrize("ask", [backbones.perceptual, backbones.embedding, backbones.distance])
def test_a_name_is_taken_at_its_word(ask):
    with pytest.raises(ValueError, match=r"is called 'vgg11': choose one of auto, "):
        ask("vgg11")
    papers = {"perceptual": "vgg19", "embedding": "inception", "distance": "lpips-alex"}[ask.__name__]
    with pytest.raises(FileNotFoundError, match=r"downloads are off.*https://.*put it into"):
        ask(papers)


def test_unknown_roles_and_measures_are_refused():
    with pytest.raises(ValueError, match=r"role 'style' is unknown: choose one of perceptual, kernel"):
        backbones.choose("style")
    with pytest.raises(ValueError, match=r"measure 'fid' is unknown: choose one of kernel, frechet, distance"):
        backbones.title("fid", backbones.perceptual())
    with pytest.raises(ValueError, match="choose kernel or frechet"):
        backbones.embedding(measure="fid")


def test_networks_are_shared():
    assert (
        backbones.perceptual() is backbones.perceptual("vgg16") is backbones.distance() is backbones.distance("vgg16")
    )
    assert backbones.embedding() is backbones.embedding("lite0") is not backbones.embedding("lite0-24")
    assert backbones.embedding(measure="frechet") is backbones.embedding("lite0-24")


def test_only_published_networks_give_published_names():
    lite, vgg = backbones.embedding("lite0-24"), backbones.perceptual("vgg16")
    assert backbones.title("frechet", lite) == "Fréchet distance (Lite0-24@128)"
    assert backbones.title("kernel", backbones.embedding("lite0")) == "kernel distance (Lite0-1280@128)"
    assert backbones.title("distance", vgg) == "perceptual distance (VGG16-relu3_3)"

    from gritlib.backbones.inception import InceptionFID
    from gritlib.backbones.lpips import LPIPSAlex

    inception, lpips = InceptionFID(torch.nn.Module()), LPIPSAlex(torch.nn.Module())
    assert [backbones.title(m, inception) for m in ("frechet", "kernel")] == ["FID", "KID"]
    assert backbones.title("distance", lpips) == "LPIPS (AlexNet)"
    for net in (lite, vgg):
        assert not any(word in backbones.title(m, net) for m in backbones.GENERIC for word in ("FID", "KID", "LPIPS"))


def test_every_name_has_a_builder():
    from importlib import import_module

    names = {name for names in backbones.ROLES.values() for name in names}
    assert names == set(backbones.BUILDERS) and set(backbones.DOWNLOADED) == set(PAPERS.values())
    for where in backbones.BUILDERS.values():
        module, builder = where.split(".")
        assert callable(getattr(import_module(f"gritlib.backbones.{module}"), builder))
