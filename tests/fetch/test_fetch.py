"""From an address to a set that is whole: downloads that fail on the way, and archives that are not the set."""

import hashlib
import json
from pathlib import Path

import pytest

from gritlib import download
from gritlib import fetch as room
from gritlib.data import public
from gritlib.fetch import engine, manifest

COUNTS = {"train": 4, "val": 2, "test": 3}


def fetch(name="facades", **options):
    return room.fetch(name, progress=False, **options)


def here(sets):
    """What lies in the sets' folder, without locks."""
    return {entry.name for entry in sets.iterdir() if not entry.name.endswith(".lock")} if sets.exists() else set()


def asked(server):
    return [request for _, request in server.asked]


def test_a_set_is_fetched_once(facades, server, sets, capsys):
    target = fetch()
    assert target == sets / "facades" and here(sets) == {"facades", ".downloads"}
    assert {p.name for p in target.iterdir()} == {*COUNTS, "LICENCE.txt", manifest.LISTING, public.MANIFEST}
    assert {split: len(list((target / split).iterdir())) for split in COUNTS} == COUNTS
    said = capsys.readouterr().out
    fact = public.registry()["facades"]
    assert fact["licence"] in said and fact["citation"] in said and "facades is ready" in said
    assert (target / "LICENCE.txt").read_text().startswith("facades: ") and fact["licence"] in (
        target / "LICENCE.txt"
    ).read_text()
    assert [p.name for p in (sets / ".downloads").iterdir() if p.suffix != ".lock"] == []
    before = {p: p.stat().st_mtime_ns for p in target.rglob("*")}
    assert fetch() == target and "facades is there" in capsys.readouterr().out
    assert asked(server) == [None] and before == {p: p.stat().st_mtime_ns for p in target.rglob("*")}


def test_the_licence_is_said_before_the_first_byte(facades, server, capsys, monkeypatch):
    def stop(*arguments, **options):
        raise FileNotFoundError(capsys.readouterr().out)

    monkeypatch.setattr(engine.download, "fetch", stop)
    with pytest.raises(FileNotFoundError, match=r"licence .*\n.*cite "):
        fetch()
    assert server.asked == []


def test_the_manifest_says_what_came_and_how_it_was_checked(facades):
    kept = public.manifest(fetch())
    assert (kept["name"], kept["layout"], kept["direction"]) == ("facades", "side-by-side", "BtoA")
    assert kept["counts"] == COUNTS and kept["folders"] == {"": 1, **COUNTS}
    (seen,) = kept["archives"]
    assert seen["bytes"] == len(facades) and seen["sha256"] == hashlib.sha256(facades).hexdigest()
    assert seen["md5"] == hashlib.md5(facades).hexdigest() and seen["checked"] == "sha256 as a test has it"


def test_the_listing_is_what_sha256sum_reads(facades):
    target = fetch()
    lines = (target / manifest.LISTING).read_text().splitlines()
    assert len(lines) == sum(COUNTS.values()) + 1  # and the licence
    for line in lines:
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((target / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("form", ["zip of two sides", "tar of pairs"])
def test_both_forms_of_archive_become_what_is_read(form, make, register):
    if form == "tar of pairs":
        register("maps", make.tar(make.pairs({"train": 2, "val": 1}, "maps")), {"train": 2, "val": 1})
        assert fetch("maps").joinpath("val", "0.jpg").is_file()
    else:
        counts = {"trainA": 2, "trainB": 3, "testA": 1, "testB": 1}
        files = {f"horse2zebra/{s}/{i}.jpg": make.picture([i, len(s)]) for s, n in counts.items() for i in range(n)}
        register("horse2zebra", make.zipped(files), counts)
        assert fetch("horse2zebra").joinpath("trainB", "2.jpg").is_file()


# Downloads


def test_a_truncated_transfer_goes_on_where_it_stopped(facades, server, monkeypatch):
    monkeypatch.setattr(download, "CHUNK", 500)
    server.cuts = [len(facades) // 1000 * 500]
    fetch()
    (first, second) = asked(server)
    assert first is None and second == f"bytes={len(facades) // 1000 * 500}-"


def test_a_later_run_goes_on_where_an_earlier_one_ended(facades, server, sets, monkeypatch):
    monkeypatch.setattr(download, "CHUNK", 500)
    half = len(facades) // 1000 * 500
    server.cuts = [half, 0, 0]
    with pytest.raises(FileNotFoundError, match="bytes are kept, run again to go on"):
        fetch()
    assert here(sets) == {".downloads"} and public.manifest(sets / "facades") is None
    server.asked.clear()
    fetch()
    assert len(server.asked) == 1 and server.asked[0][1] == f"bytes={half}-"


def test_a_wrong_hash_is_no_set(facades, server, sets):
    server.files["facades.tar.gz"] = facades[:-1] + b"x"
    with pytest.raises(FileNotFoundError, match=r"its sha256 is (\w{64}), expected \w{64}\. .* --sha256 \1 takes it"):
        fetch()
    assert here(sets) == {".downloads"}
    assert not [p for p in (sets / ".downloads").iterdir() if p.suffix != ".lock"]


@pytest.mark.parametrize("first", ["http://127.0.0.1:9/x.tar.gz", "{address}/gone.tar.gz", "{address}/html.tar.gz"])
def test_a_dead_first_address_is_passed_over(facades, server, first):
    server.files["html.tar.gz"] = b"<html>moved</html>"
    urls = [first.format(address=server.address), f"{server.address}/facades.tar.gz"]
    assert fetch(urls=urls).is_dir()


def test_all_addresses_are_named_when_none_answers(facades, server):
    urls = [f"{server.address}/one.tar.gz", "http://127.0.0.1:9/two.tar.gz"]
    with pytest.raises(FileNotFoundError) as error:
        fetch(urls=urls)
    said = str(error.value)
    assert all(url in said for url in urls) and "404" in said and "By hand: put it into" in said


def test_an_archive_put_there_by_hand_is_taken(facades, server, sets):
    (sets / ".downloads").mkdir(parents=True)
    (sets / ".downloads" / "facades.tar.gz").write_bytes(facades)
    assert fetch().is_dir() and server.asked == []


def test_your_own_archive_is_taken_and_left_alone(facades, server, tmp_path):
    own = tmp_path / "mine.tgz"
    own.write_bytes(facades)
    assert public.manifest(fetch(given=[own]))["archives"][0]["name"] == "mine.tgz"
    assert server.asked == [] and own.read_bytes() == facades


def test_your_own_archive_must_be_the_right_one_too(facades, make, tmp_path, sets):
    own = tmp_path / "mine.tgz"
    own.write_bytes(make.tar(make.pairs({"train": 1})))
    found = hashlib.sha256(own.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=f"its sha256 is {found}, expected .*--sha256 {found} takes it"):
        fetch(given=[own])
    with pytest.raises(
        ValueError, match="has the folders facades, facades/train, the set needs one with train, val, test"
    ):
        fetch(given=[own], sha256=found)
    assert here(sets) == set() and own.exists()


def test_keep_leaves_the_archive(facades, sets):
    fetch(keep=True)
    assert (sets / ".downloads" / "facades.tar.gz").read_bytes() == facades


# Sets without a published checksum


def test_one_third_partys_md5_is_reported(make, register, capsys):
    content = make.tar(make.pairs(COUNTS))
    register("facades", content, COUNTS, checked="md5")
    kept = public.manifest(fetch())
    assert kept["archives"][0]["checked"] == "md5 as one third party has it; no other checksum is published"
    said = capsys.readouterr().out
    assert "warning" not in said and "no checksum is published" in said


def test_another_md5_warns_and_is_kept_beside_the_expected_one(make, register, capsys):
    register("facades", make.tar(make.pairs(COUNTS)), COUNTS, checked="wrong")
    (seen,) = public.manifest(fetch())["archives"]
    expected = hashlib.md5(b"another").hexdigest()
    assert seen["md5_expected"] == expected != seen["md5"] and "differs" in seen["checked"]
    assert f"warning: the md5 of facades.tar.gz is {seen['md5']}" in capsys.readouterr().out


def html(content):
    return b"<html>moved</html>" * (len(content) // 18)


@pytest.mark.parametrize(
    ("known", "sent", "problem"),
    [
        ("bytes", html, "announces"),
        ("bytes", lambda content: content + b"more", "announces"),
        ("bytes", lambda content: content[:-1], "announces"),
        ("about", html, "that are no archive"),
        ("about", lambda content: content[: len(content) // 2], "bytes, expected about"),
        ("about", lambda content: content[:-1], "is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_without_a_hash_size_and_kind_decide(make, register, server, sets, known, sent, problem):
    content = make.tar(make.pairs(COUNTS))
    fact = register("facades", content, COUNTS, checked="md5")
    server.files["facades.tar.gz"] = sent(content)
    fact[known] = fact.pop("bytes")
    with pytest.raises((FileNotFoundError, ValueError), match=problem):
        fetch()
    assert here(sets) == {".downloads"}
    assert not [p for p in (sets / ".downloads").iterdir() if p.suffix != ".lock"]


def test_your_own_archive_of_a_known_size_is_not_measured_by_it(make, register, tmp_path):
    """The registry's size is the download's; what a person gives is recorded, and its counts decide."""
    register("facades", make.tar(make.pairs(COUNTS)), COUNTS, checked="md5")
    own = tmp_path / "mine.zip"
    own.write_bytes(make.zipped(make.pairs(COUNTS)))
    assert "differs" in public.manifest(fetch(given=[own]))["archives"][0]["checked"]


def test_a_size_known_from_a_listing_may_be_a_little_off(make, register):
    content = make.tar(make.pairs(COUNTS))
    fact = register("facades", content, COUNTS, checked="md5")
    fact["about"] = int(fact.pop("bytes") * 1.1)
    assert fetch().is_dir()
    fact["about"] = int(fact["about"] * 1.2)
    with pytest.raises(FileNotFoundError, match="expected about"):
        fetch(again=True)


def test_a_given_sha256_is_demanded(make, register):
    content = make.tar(make.pairs(COUNTS))
    register("facades", content, COUNTS, checked="md5")
    with pytest.raises(FileNotFoundError, match=r"its sha256 is \w{64}, expected 0{64}"):
        fetch(sha256="0" * 64)
    target = fetch(sha256=hashlib.sha256(content).hexdigest().upper())
    assert public.manifest(target)["archives"][0]["checked"] == "sha256 as given"


# What is inside


@pytest.mark.parametrize("missing", [{"train": 3}, {"test": 4}])
def test_another_number_of_files_is_no_set(make, register, sets, missing):
    register("facades", make.tar(make.pairs({**COUNTS, **missing})), COUNTS)
    with pytest.raises(ValueError, match=r"gives \{.*\}, the set has \{.*\}: it is not whole"):
        fetch()
    assert here(sets) == {".downloads"}


def test_where_only_the_total_is_known_it_decides(make, register):
    content = make.tar(make.pairs(COUNTS, "night2day"))
    fact = register("night2day", content, None)
    del fact["counts"]
    fact["total"] = 8
    with pytest.raises(ValueError, match="gives 9 files, the set has 8"):
        fetch("night2day")
    fact["total"] = 9
    assert public.manifest(fetch("night2day"))["counts"] == COUNTS


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({f"{top}/{s}/x.jpg": b"x" for top in "ab" for s in COUNTS}, "has the folders a, a/test, a/train, a/val, b"),
        ({"a/train/x.jpg": b"x"}, "has the folders a, a/train, the set needs one with train, val, test"),
        ({"train.jpg": b"x"}, "has the folders , the set needs one with"),
        ({**{f"a/{s}/x.jpg": b"x" for s in COUNTS}, "a/train/deep.jpg/y.jpg": b"x"}, "train has folders inside"),
        ({f"a/{s}/x.txt": b"x" for s in COUNTS}, "gives {'train': 0, 'val': 0, 'test': 0}, the set has"),
    ],
    ids=["two sets", "no val", "no folder", "folder", "texts"],
)
def test_an_archive_of_another_form_is_refused(make, register, sets, files, message):
    register("facades", make.tar(files), COUNTS)
    with pytest.raises(ValueError, match=message):
        fetch()
    assert here(sets) == {".downloads"}


@pytest.mark.parametrize("top", ["facades", "data/facades", "."])
def test_where_the_splits_lie_in_the_archive_does_not_matter(make, register, top):
    files = {f"{top}/train/Thumbs.db": b"x", "README.txt": b"x", f"{top}/more/x.jpg": b"x"}
    register("facades", make.tar(files | make.pairs(COUNTS, top)), COUNTS)
    target = fetch()
    assert {p.name for p in target.iterdir()} == {*COUNTS, "LICENCE.txt", manifest.LISTING, public.MANIFEST}
    assert len(list((target / "train").iterdir())) == 4


def test_a_malicious_archive_leaves_nothing_and_is_not_tried_again(make, register, server, sets, tmp_path):
    content = make.tar({**make.pairs(COUNTS), "../../evil.jpg": b"evil"})
    register("facades", content, COUNTS, checked="md5")
    with pytest.raises(ValueError, match=r"leads out of its folder.*The download was removed"):
        fetch()
    assert here(sets) == {".downloads"} and not list(tmp_path.rglob("evil.jpg"))
    assert not list(sets.rglob("*.gz"))


# Names and roots


def test_unknown_names_and_sets_that_need_your_own_download(server):
    with pytest.raises(ValueError, match="public set 'mars' is unknown: choose facades, maps"):
        fetch("mars")
    with pytest.raises(ValueError, match="public set 'mars' is unknown"):
        room.verify("mars")
    for name in ("cityscapes", "cityscapes_labels", "celebamask_hq"):
        for urls in ((), (f"{server.address}/x.zip",)):
            with pytest.raises(FileNotFoundError, match=r"cannot be fetched for you: .*python -m gritlib data"):
                fetch(name, urls=urls)
    assert server.asked == []


def test_another_root_is_used_and_its_path_is_said(facades, tmp_path, capsys):
    target = fetch(root=tmp_path / "other")
    assert target == tmp_path / "other" / "facades"
    assert f"--data {target}, or set GRITLIB_DATA={tmp_path / 'other'}" in capsys.readouterr().out


def test_the_registry_has_what_is_needed_of_every_set():
    for name, fact in public.registry().items():
        needed = ("title", "layout", "direction", "prepare", "origin", "citation", "licence", "home", "lesson", "note")
        assert all(isinstance(fact.get(key), str) and fact[key] for key in needed), name
        assert fact["layout"] in ("side-by-side", "cyclegan", "mask") and fact["direction"] in ("AtoB", "BtoA")
        assert fact["prepare"] in engine.prepare.ROOM
        assert ("urls" in fact) != ("own" in fact), name
        if "urls" in fact:
            assert fact["archive"] == fact["urls"][0].rsplit("/", 1)[-1] and ("bytes" in fact) != ("about" in fact)
            assert len(fact.get("sha256", "0" * 64)) == 64 and len(fact.get("md5", "0" * 32)) == 32
            assert ("sha256" in fact) != ("md5" in fact) and ("sha256" in fact) == ("sha256_from" in fact)
            secure = [url.startswith("https") for url in fact["urls"]]
            assert secure == sorted(secure, reverse=True), "https first"
        assert ("counts" in fact) != ("total" in fact)
        assert {split.rstrip("AB") for split in fact.get("counts", fact.get("splits"))} <= {"train", "val", "test"}
        assert f"  licence  {fact['licence']}" in room.engine.terms(name)


def test_the_registry_is_plain_text_of_the_package():
    path = Path(public.__file__).parent / "assets" / "public.json"
    assert tuple(json.loads(path.read_text(encoding="utf-8"))) == public.NAMES
