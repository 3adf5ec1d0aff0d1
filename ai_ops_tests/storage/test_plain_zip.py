"""An archive without a free byte: the same files, the same bytes; anything else is told."""

import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.storage.plain_zip import ZipWriter, is_name, read_zip
from ai_ops.vocabulary.errors import BadInput

NAMES = st.lists(
    st.from_regex(r"[a-z0-9_]{1,6}(/[a-z0-9_.]{1,6})?", fullmatch=True).filter(is_name),
    unique=True,
    max_size=4,
)


def archived(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    writer = ZipWriter(file)
    for name, content in files.items():
        writer.add(name, content)
    writer.close()
    return file.getvalue()


@given(names=NAMES, contents=st.lists(st.binary(max_size=40), min_size=4, max_size=4))
def test_any_unpacker_reads_what_was_archived(names: list[str], contents: list[bytes]) -> None:
    files = dict(zip(names, contents, strict=False))
    content = archived(files)
    with zipfile.ZipFile(io.BytesIO(content)) as unpacked:
        assert unpacked.testzip() is None
        assert {name: unpacked.read(name) for name in unpacked.namelist()} == files
    found = read_zip(io.BytesIO(content), keep=files)
    assert found.problems == []
    assert {one.name: one.content for one in found.members} == files
    assert archived(files) == content


@given(data=st.data())
def test_no_other_bytes_are_an_archive_of_these_files(data: st.DataObject) -> None:
    files = {"a/b.txt": b"hello" * 3, "c": b""}
    content = archived(files)
    place = data.draw(st.integers(0, len(content)))
    removed = data.draw(st.integers(0, 4))
    added = data.draw(st.binary(max_size=4))
    other = content[:place] + added + content[place + removed :]
    if other != content:
        found = read_zip(io.BytesIO(other), keep=files)
        assert found.problems or {one.name: one.content for one in found.members} != files


def with_zipfile(change: Callable[[zipfile.ZipFile], None]) -> bytes:
    file = io.BytesIO(archived({"a.txt": b"hello"}))
    with zipfile.ZipFile(file, "a") as archive:
        change(archive)
    return file.getvalue()


def linked(archive: zipfile.ZipFile) -> None:
    link = zipfile.ZipInfo("b.txt")
    link.external_attr = 0o120777 << 16
    archive.writestr(link, "/etc/passwd")


def commented(archive: zipfile.ZipFile) -> None:
    archive.comment = b"trust me"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "content",
    [
        with_zipfile(lambda archive: archive.writestr("../../escaped", "x")),
        with_zipfile(linked),
        with_zipfile(commented),
        with_zipfile(lambda archive: archive.writestr("b.txt", "x" * 99, zipfile.ZIP_DEFLATED)),
        archived({"a.txt": b"hello"}) + b"\0",
        b"MZ" + archived({"a.txt": b"hello"}),
        b"",
    ],
    ids=["climbs", "link", "comment", "packed", "behind", "before", "empty"],
)
def test_what_zips_can_hide_is_told(content: bytes) -> None:
    found = read_zip(io.BytesIO(content))
    assert any(words.startswith("byte ") for words in found.problems), found


def test_a_name_that_leads_elsewhere_is_not_archived() -> None:
    for name in ("../a", "/a", "a//b", "a/../b", "a/", "", "C:a", "a\\b", ".hidden", "a\n", "é"):
        with pytest.raises(BadInput, match="no name of a file in a bundle"):
            ZipWriter(io.BytesIO()).add(name, b"")
