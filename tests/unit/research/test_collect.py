"""A corpus is what can be read in a place; what can't is named."""

from pathlib import Path

import pytest

from agent.workflows.research import collect as collecting
from agent.workflows.research.collect import collect
from agent.workflows.research.errors import (
    CorpusNotFoundError,
    CorpusTooLargeError,
    EmptyCorpusError,
    NoReadableTextError,
    PageRefusedError,
)
from agent.workflows.research.web import Page
from tests.support.research import corpus_of, no_page, write


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    names = ["b.md", "a/z.txt", "a/b.html", ".hidden.md", ".git/x.md", "A.MD"]
    corpus = corpus_of(write(tmp_path, {name: f"text of {name}" for name in names}))

    assert [it.name for it in corpus.documents] == ["A.MD", "b.md", "a/b.html", "a/z.txt"]
    assert [it.id for it in corpus.documents] == ["d1", "d2", "d3", "d4"]
    assert corpus.unread == []


def test_two_folders_are_told_apart(tmp_path: Path) -> None:
    first = write(tmp_path / "one", {"a.md": "x"})
    second = write(tmp_path / "two", {"a.md": "y"}).rename(tmp_path / "two" / "notes")

    corpus = corpus_of(first, second)

    assert [it.name for it in corpus.documents] == ["corpus/a.md", "notes/a.md"]


def test_the_same_documents_elsewhere_are_the_same_corpus(tmp_path: Path) -> None:
    first, second = corpus_of(write(tmp_path / "a")), corpus_of(write(tmp_path / "b"))

    assert first.to_bytes() == second.to_bytes()


def test_a_title_is_the_first_heading_or_the_name(tmp_path: Path) -> None:
    corpus = corpus_of(write(tmp_path, {"a.md": "x\n\n## Deep\n\ny", "sub/plain.txt": "x"}))

    assert [it.title for it in corpus.documents] == ["Deep", "plain"]


def test_what_is_not_read_is_named_with_its_reason(tmp_path: Path) -> None:
    folder = write(
        tmp_path, {"a.md": "text", "empty.md": " \n", "paper.pdf": "%PDF", "LICENSE": "x"}
    )
    (folder / "zero.txt").write_bytes(b"a\0b")

    corpus = corpus_of(folder)

    assert {it.name: it.why for it in corpus.unread} == {
        "LICENSE": "has no ending",
        "empty.md": "has no text",
        "paper.pdf": "ends in '.pdf', which is not read",
        "zero.txt": "is not text",
    }


@pytest.mark.parametrize(
    "data",
    [
        "Küste".encode(),
        "Küste".encode("utf-16"),
        "Küste".encode("cp1252"),
        b"\xef\xbb\xbfK\xc3\xbcste",
    ],
)
def test_text_is_read_whatever_it_was_written_in(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)

    assert corpus_of(path).passages[0].text == "Küste"


def test_links_are_not_followed(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.md": "x"})
    (folder / "loop").symlink_to(folder)
    (tmp_path / "secret.md").write_text("secret")
    (folder / "out.md").symlink_to(tmp_path / "secret.md")

    assert [it.name for it in corpus_of(folder).documents] == ["a.md"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFoundError, match=r"/nowhere' does not exist, expected a folder"):
        corpus_of(tmp_path / "nowhere")


def test_an_empty_folder_is_not_a_folder_of_other_files(tmp_path: Path) -> None:
    with pytest.raises(EmptyCorpusError, match=r"is empty, expected files that end in: \.htm,"):
        corpus_of(tmp_path)
    (tmp_path / "a.pdf").write_text("x")
    with pytest.raises(EmptyCorpusError, match="holds 1 files of other kinds"):
        corpus_of(tmp_path)


def test_files_without_text_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path, {f"{n}.md": " " for n in range(5)})

    with pytest.raises(NoReadableTextError, match=r"0\.md has no text; .*; and 2 more$"):
        corpus_of(folder)


@pytest.mark.parametrize("place", ["s3://bucket/key", "ftp://host/x"])
def test_other_addresses_are_refused(place: str) -> None:
    with pytest.raises(PageRefusedError, match="expected an http:// or https:// address"):
        collect([place], fetch=no_page, edge=lambda: None)


def test_a_corpus_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, {"a.md": "x" * 60, "b.md": "y" * 60})
    monkeypatch.setattr(collecting, "MAX_CORPUS_BYTES", 100)
    with pytest.raises(CorpusTooLargeError, match=r"'b\.md' has 120 bytes up to here"):
        corpus_of(folder)
    monkeypatch.setattr(collecting, "MAX_FILES", 1)
    with pytest.raises(CorpusTooLargeError, match="has 2 files, expected at most 1"):
        corpus_of(folder)


def page(data: bytes, media_type: str, *, url: str = "http://h/x") -> Page:
    return Page(url=url, media_type=media_type, charset=None, data=data)


def test_a_page_is_read_as_what_it_says_it_is() -> None:
    pages = {
        "http://h/a": page(b"<h1>T</h1><p>Text", "text/html", url="http://h/a"),
        "http://h/b.md?raw": page(b"# M\n\nText", "text/plain", url="http://h/b.md?raw"),
        "http://h/c": page(b"# no heading", "text/plain", url="http://h/c"),
    }

    corpus = collect(list(pages), fetch=pages.__getitem__, edge=lambda: None)

    assert [it.title for it in corpus.documents] == ["T", "M", "c"]
    assert [it.name for it in corpus.documents] == list(pages)


def test_a_page_that_is_no_text_is_refused() -> None:
    with pytest.raises(PageRefusedError, match="it is 'application/pdf', expected one of"):
        collect(["http://h/x"], fetch=lambda _: page(b"%PDF", "application/pdf"), edge=lambda: None)


def test_collecting_stops_at_the_edge_of_a_document(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect([str(write(tmp_path))], fetch=no_page, edge=stop)
