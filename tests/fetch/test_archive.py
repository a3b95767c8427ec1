"""Archives of strangers: what leads out of the folder is refused by name, and what is damaged never passes."""

import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from gritlib.fetch import archive

GOOD = {"set/a.jpg": b"a" * 3000, "set/deep/b.jpg": b"b" * 10}


def tar_info(name, kind, target="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link(name):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.fixture
def unpack(tmp_path):
    """Write bytes as an archive, unpack it, and give back what lies where; nothing may lie beside the target."""

    def run(content, **options):
        box = tmp_path / "box"
        box.mkdir()
        file, target = box / "set.bin", box / "target"
        file.write_bytes(content)
        before = {p for p in tmp_path.rglob("*")}
        try:
            count = archive.unpack(file, target, progress=False, **options)
        finally:
            outside = {p for p in tmp_path.rglob("*") if target not in (p, *p.parents)}
            assert outside <= before, "written outside of the target"
            assert not any(p.is_symlink() for p in tmp_path.rglob("*"))
        return count, {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}

    return run


@pytest.mark.parametrize("form", ["tar", "zipped"])
def test_files_come_out_as_they_went_in(unpack, make, form):
    hidden = {"set/.DS_Store": b"x", "__MACOSX/set/a.jpg": b"x", "set/._a.jpg": b"x"}
    assert unpack(getattr(make, form)(GOOD | hidden)) == (2, GOOD)


EVIL = {
    "up": "../evil.jpg",
    "up inside": "set/../../evil.jpg",
    "absolute": "/tmp/evil.jpg",
    "backslash": "set\\..\\..\\evil.jpg",
    "drive": "C:/evil.jpg",
    "drive alone": "c:evil.jpg",
    "control": "set/e\nvil.jpg",
}


@pytest.mark.parametrize("form", ["tar", "zipped"])
@pytest.mark.parametrize("name", EVIL.values(), ids=EVIL)
def test_names_that_lead_out_are_refused(unpack, make, form, name):
    with pytest.raises(ValueError, match="a path that leads out of its folder"):
        unpack(getattr(make, form)({**GOOD, name: b"evil"}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(unpack, make, kind):
    with pytest.raises(ValueError, match="'set/link', a link or a device"):
        unpack(make.tar({"set/link": tar_info("set/link", kind), **GOOD}))


def test_a_link_in_a_zip_is_refused(unpack, make):
    with pytest.raises(ValueError, match="'set/link', a link, a device or encrypted"):
        unpack(make.zipped({zip_link("set/link"): "/etc/passwd", **GOOD}))


def test_writing_through_a_link_is_impossible(unpack, make):
    """The classic: a link to a folder outside, then a file below it."""
    link = tar_info("set/out", tarfile.SYMTYPE, "/tmp")
    with pytest.raises(ValueError, match="a link"):
        unpack(make.tar({"set/out": link, "set/out/evil.jpg": b"evil"}))


@pytest.mark.parametrize("form", ["tar", "zipped"])
def test_a_bomb_is_stopped_while_it_is_written(unpack, make, form, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "ROOM", 2_000_000)
    bomb = getattr(make, form)({"set/0.jpg": bytes(9_000_000)})
    assert len(bomb) < 20_000
    with pytest.raises(ValueError, match=r"unpacks to more than 2,0\d{2},\d{3} bytes, seen at 'set/0.jpg'"):
        unpack(bomb)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*.jpg")) < 2_100_000


def test_a_zip_that_lies_about_its_size_is_stopped_too(unpack, make):
    honest = make.zipped({"set/0.jpg": bytes(5_000_000)})
    lying = honest.replace((5_000_000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    with pytest.raises(ValueError, match=r"is damaged|unpacks to more than"):
        unpack(lying, limit=1000)


def test_a_limit_of_the_caller(unpack, make):
    content = make.tar(GOOD)
    with pytest.raises(ValueError, match=r"unpacks to more than 3,009 bytes, seen at 'set/deep/b.jpg'"):
        unpack(content, limit=3009)


def test_the_limit_is_what_may_be_written(unpack, make):
    assert unpack(make.tar(GOOD), limit=3010)[0] == 2


def test_too_many_files(unpack, make, monkeypatch):
    monkeypatch.setattr(archive, "FILES", 1)
    with pytest.raises(ValueError, match="holds more than 1 files"):
        unpack(make.tar(GOOD))


@pytest.mark.parametrize("names", [("set/a.jpg", "set/A.jpg"), ("set/a.jpg", "./set//a.jpg")])
def test_two_members_of_one_name_are_refused(unpack, make, names):
    with pytest.raises(ValueError, match="twice"):
        unpack(make.tar({name: b"x" for name in names}))


def test_letters_that_windows_does_not_know_are_replaced(unpack, make):
    """Yosemite's photos are called after their time."""
    assert set(unpack(make.zipped({"set/2011-07-08 12:30:00.jpg": b"x"}))[1]) == {"set/2011-07-08 12_30_00.jpg"}


@pytest.mark.parametrize("form", ["tar", "zipped"])
def test_a_truncated_archive_is_damaged(unpack, make, form):
    content = getattr(make, form)({f"set/{i}.jpg": make.picture(i) for i in range(4)})
    with pytest.raises(ValueError, match="is damaged"):
        unpack(content[:-40])


def test_a_tar_is_read_to_gzips_checksum(unpack, make):
    """The files are whole, and four bytes of the checksum behind them are wrong."""
    content = bytearray(make.tar(GOOD))
    content[-6] ^= 255
    with pytest.raises(ValueError, match="is damaged"):
        unpack(bytes(content))


def test_a_changed_byte_in_a_zip_is_damage(unpack, make):
    content = bytearray(make.zipped({"set/0.jpg": make.picture(0)}))
    content[200] ^= 255
    with pytest.raises(ValueError, match="is damaged"):
        unpack(bytes(content))


def header(name, size, kind):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_as_large_as_a_film_is_not_read(unpack, kind, monkeypatch):
    """A few kB that would take 8 MB of memory here, and any amount elsewhere."""
    size, most, read = 8_000_000, [0], gzip.GzipFile.read

    def watched(self, size=-1):
        most[0] = max(most[0], size)
        return read(self, size)

    monkeypatch.setattr(gzip.GzipFile, "read", watched)
    content = gzip.compress(header("x", size, kind) + bytes(size) + bytes(1024))
    with pytest.raises(ValueError, match=r"is damaged \(a header of 8,\d{3},\d{3} bytes\)"):
        unpack(content)
    assert most[0] <= archive.CHUNK


def test_long_names_and_large_files_pass(unpack, make):
    files = {f"set/{'n' * 180}/{'m' * 120}.jpg": b"1", "set/large.jpg": bytes(range(256)) * 9000}
    assert unpack(make.tar(files)) == (2, files)


@pytest.mark.parametrize("form", ["tar", "zipped"])
@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"set/a": b"x", "set/a/b.jpg": b"y"}, "set/a/b.jpg"),
        ({"set/a/b.jpg": b"y", "set/a": b"x"}, "set/a"),
        ({"set/" + "a" * 300 + ".jpg": b"x"}, "set/" + "a" * 300 + ".jpg"),
    ],
    ids=["file, then folder", "folder, then file", "long name"],
)
def test_names_that_cannot_be_written_are_named(unpack, make, form, files, named):
    with pytest.raises(ValueError, match=rf"set.bin: '{named}' cannot be written here \(.+\)"):
        unpack(getattr(make, form)(files))


def test_a_damaged_lzma_stream_is_damage(unpack):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as opened:
        opened.writestr("set/a.jpg", bytes(range(256)) * 20)
    content = bytearray(out.getvalue())
    content[60] ^= 255
    with pytest.raises(ValueError, match="is damaged"):
        unpack(bytes(content))


@pytest.mark.parametrize("content", [b"<html>moved</html>", b"", b"PK"])
def test_what_is_no_archive(unpack, content):
    with pytest.raises(ValueError, match=r"neither a zip nor a tar.gz"):
        unpack(content)


def test_given_reads_zips_and_folders_alike(tmp_path, make):
    (tmp_path / "a.zip").write_bytes(make.zipped(GOOD))
    folder = tmp_path / "b" / "deep"
    folder.mkdir(parents=True)
    (folder / "c.jpg").write_bytes(b"c")
    given = archive.Given([tmp_path / "a.zip", tmp_path / "b"])
    found = given.find(r"deep/(\w)\.jpg")
    assert {key: given.read(name) for key, name in found.items()} == {("b",): GOOD["set/deep/b.jpg"], ("c",): b"c"}
    given.close()
    assert archive.size(tmp_path / "b") == 1


def test_given_refuses_what_is_there_twice(tmp_path, make):
    (tmp_path / "a.zip").write_bytes(make.zipped({"one/x.jpg": b"1", "two/x.jpg": b"2"}))
    with pytest.raises(ValueError, match="are the same part of the set"):
        archive.Given([tmp_path / "a.zip"]).find(r"(x)\.jpg")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"<html>please log in</html>", "is no zip file"), (b"PK\x03\x04" + b"x" * 99, "is damaged")],
)
def test_given_says_what_a_file_is_not(tmp_path, content, message):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        archive.Given([tmp_path / "a.zip"])
    with pytest.raises(FileNotFoundError, match="is not there"):
        archive.Given([tmp_path / "b.zip"])


def test_given_refuses_a_member_too_large_for_a_picture(tmp_path, make, monkeypatch):
    monkeypatch.setattr(archive, "MEMBER", 5)
    (tmp_path / "a.zip").write_bytes(make.zipped({"x.jpg": b"123456"}))
    with pytest.raises(ValueError, match="takes 6 bytes"):
        archive.Given([tmp_path / "a.zip"]).read("x.jpg")


def test_hashes_are_those_of_hashlib(tmp_path):
    import hashlib

    content = io.BytesIO(bytes(range(256)) * 9).getvalue()
    (tmp_path / "x").write_bytes(content)
    expected = {"sha256": hashlib.sha256(content).hexdigest(), "md5": hashlib.md5(content).hexdigest()}
    assert archive.hashes(tmp_path / "x") == expected
