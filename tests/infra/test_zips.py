import zipfile
from pathlib import Path

from infra.zips import zipped


def folder_of(tmp_path: Path, name: str, **own: str) -> Path:
    """Make a folder like those of the agent's code: wheels that are shared, and our own files."""
    wheels = tmp_path / "wheels"
    if not wheels.exists():
        (wheels / "bin").mkdir(parents=True)
        (wheels / "bin" / "start").write_text("#!/usr/bin/env python3\n")
        (wheels / "bin" / "start").chmod(0o700)
        (wheels / "library.py").write_text("LIBRARY = 1\n")
    made = tmp_path / name
    (made / "bin").mkdir(parents=True)
    (made / "agent").mkdir()
    (made / "bin" / "start").hardlink_to(wheels / "bin" / "start")
    (made / "library.py").hardlink_to(wheels / "library.py")
    for module, text in own.items():
        (made / "agent" / f"{module}.py").write_text(text)
    return made


def test_a_zip_holds_the_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "one", main="print(1)\n")

    with zipfile.ZipFile(zipped(folder, tmp_path / "zips", changing=("agent",))) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    assert found == {
        "agent/main.py": "print(1)\n",
        "bin/start": "#!/usr/bin/env python3\n",
        "library.py": "LIBRARY = 1\n",
    }


def test_who_unpacks_it_may_read_all_and_run_what_runs(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "one", main="print(1)\n")

    with zipfile.ZipFile(zipped(folder, tmp_path / "zips", changing=("agent",))) as archive:
        modes = {it.filename: it.external_attr >> 16 & 0o777 for it in archive.infolist()}
    assert modes["bin/start"] == 0o744
    assert all(mode & 0o444 == 0o444 for mode in modes.values())


def test_the_zip_of_a_folder_is_made_once(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "one", main="print(1)\n")

    first = zipped(folder, tmp_path / "zips", changing=("agent",))
    made_at = first.stat().st_mtime_ns
    again = zipped(folder, tmp_path / "zips", changing=("agent",))

    assert (again, again.stat().st_mtime_ns) == (first, made_at)


def test_what_did_not_change_is_compressed_once(tmp_path: Path) -> None:
    folders = [folder_of(tmp_path, name, main=f"print('{name}')\n") for name in ("one", "two")]

    zips = [zipped(folder, tmp_path / "zips", changing=("agent",)) for folder in folders]

    assert len([*(tmp_path / "zips" / "base").iterdir()]) == 1
    for folder, file in zip(folders, zips, strict=True):
        with zipfile.ZipFile(file) as archive:
            assert archive.read("agent/main.py").decode() == f"print('{folder.name}')\n"
            assert archive.namelist().count("library.py") == 1


def test_equal_folders_make_equal_zips(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "one", main="print(1)\n")

    made = [zipped(folder, tmp_path / place, changing=("agent",)) for place in ("here", "there")]

    assert made[0].read_bytes() == made[1].read_bytes()
