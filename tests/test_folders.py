"""Folders are written whole or not at all, and nothing is replaced that gatecast did not write."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gatecast import folders
from gatecast.errors import GatecastWarning, RunError
from gatecast.files import new_file
from gatecast.folders import BACKTEST, FORECASTER, RECIPES, RUN, added_files, check_folder, new_folder


def write(folder: Path, *, kind: str = RUN, content: str = "new", overwrite: bool = False) -> None:
    with new_folder(folder, kind, overwrite=overwrite) as partial:
        (partial / "models").mkdir()
        (partial / "models" / "gru.json").write_text(content)
        (partial / "verdict.txt").write_text(content)


def contents(folder: Path) -> dict[str, str | None]:
    """Everything below a folder; the text of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_folder_vanishes(tmp_path: Path, trouble: type[BaseException]) -> None:
    with pytest.raises(trouble), new_folder(tmp_path / "deep" / "new", RUN) as partial:
        (partial / "half").write_text("x")
        raise trouble
    assert not names(tmp_path)


def test_an_interruption_in_the_midst_of_clearing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "run", content="old")
    remove, calls = shutil.rmtree, iter([KeyboardInterrupt])

    def interrupted(path: Path, **how: bool) -> None:
        for trouble in calls:
            raise trouble
        remove(path, **how)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "run", overwrite=True)
    assert names(tmp_path) == {"run"}
    assert (tmp_path / "run" / "verdict.txt").read_text() == "new"


@pytest.mark.parametrize("failing", ["old", "run"])
def test_an_interruption_while_folders_change_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    write(tmp_path / "run", content="old")
    before = contents(tmp_path)
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if target.name == failing and self.name != "old":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "run", overwrite=True)
    assert contents(tmp_path) == before


def test_a_link_to_a_new_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "run")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "run" / "verdict.txt").is_file()


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write(tmp_path / "run")
    assert names(tmp_path) == {"run"}
    assert names(tmp_path / "run") == {".gatecast.json", "models", "verdict.txt"}


@pytest.mark.parametrize("kind", [RUN, FORECASTER, BACKTEST])
def test_a_folder_of_the_same_kind_is_replaced_whole(tmp_path: Path, kind: str) -> None:
    write(tmp_path / "run", kind=kind, content="old")
    write(tmp_path / "run", kind=kind, overwrite=True)
    assert (tmp_path / "run" / "verdict.txt").read_text() == "new"
    assert names(tmp_path) == {"run"}


def refused(folder: Path, *words: str, at: Path | None = None) -> None:
    """Overwriting is refused, before and after the work, and nothing changes in `at`."""
    at = at or folder.parent
    before = contents(at)
    for attempt in (lambda: check_folder(folder, RUN, overwrite=True), lambda: write(folder, overwrite=True)):
        with pytest.raises(RunError) as caught:
            attempt()
        assert all(word in str(caught.value) for word in words), caught.value
        assert contents(at) == before


FOREIGN = {
    "notes.txt": "(notes.txt)",
    "models/notes.txt": "(models/notes.txt)",
    "models/gru.json.bak": "(models/gru.json.bak)",
    "Documents/thesis.doc": "(Documents/)",
    "Documents/": "(Documents/)",
    "models/deep/": "(models/deep/)",
    ".hidden": "(.hidden)",
    "a\nb\x1b[2J": r"(a\x0ab\x1b[2J)",
}


@pytest.mark.parametrize("overwrite", ["no", "False", 1.0, float("nan"), [0]])
def test_only_true_replaces(tmp_path: Path, overwrite: object) -> None:
    """What is true in Python and was meant otherwise must not cost anybody a run."""
    folder, file = tmp_path / "run", tmp_path / "file.txt"
    write(folder, content="old")
    file.write_text("old")
    with pytest.raises(RunError, match="is not empty"):
        write(folder, overwrite=overwrite)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="is there already"), new_file(file, (".txt",), overwrite=overwrite):  # type: ignore[arg-type]
        pass
    assert (folder / "verdict.txt").read_text() == file.read_text() == "old"


@pytest.mark.parametrize("name", FOREIGN)
def test_a_folder_with_a_foreign_file_is_not_replaced(tmp_path: Path, name: str) -> None:
    write(tmp_path / "run")
    path = tmp_path / "run" / name
    if name.endswith("/"):
        path.mkdir()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
    refused(tmp_path / "run", "what gatecast did not write as a run", FOREIGN[name])


def test_links_in_a_folder_are_foreign(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "gru.json").write_text("precious")
    write(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "models")
    (tmp_path / "run" / "models").symlink_to(tmp_path / "other")
    refused(tmp_path / "run", "(models/)")
    (tmp_path / "run" / "models").unlink()
    (tmp_path / "run" / "verdict.txt").unlink()
    (tmp_path / "run" / "verdict.txt").symlink_to(tmp_path / "other" / "gru.json")
    refused(tmp_path / "run", "(verdict.txt)")


def test_a_few_of_many_foreign_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(100):
        (tmp_path / "photos" / f"{number:03}.jpg").write_text("precious")
    with pytest.raises(RunError) as caught:
        check_folder(tmp_path / "photos", RUN, overwrite=True)
    assert str(caught.value).count(".jpg") == 5
    assert ", …)" in str(caught.value)


def test_a_folder_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    write(tmp_path / "folder", kind=FORECASTER)
    refused(tmp_path / "folder", "what gatecast did not write as a run")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"kind": "run", "files": 3}', "[" * 10**5])
def test_a_damaged_marker_is_none(tmp_path: Path, text: str) -> None:
    write(tmp_path / "run")
    (tmp_path / "run" / ".gatecast.json").write_text(text)
    refused(tmp_path / "run", "what gatecast did not write as a run")


def test_a_marker_that_is_no_file_is_none(tmp_path: Path) -> None:
    write(tmp_path / "run")
    (tmp_path / "run" / ".gatecast.json").unlink()
    os.mkfifo(tmp_path / "run" / ".gatecast.json")
    with pytest.raises(RunError, match="what gatecast did not write"):
        check_folder(tmp_path / "run", RUN, overwrite=True)


def test_what_is_behind_a_link_is_not_replaced(tmp_path: Path) -> None:
    write(tmp_path / "run", content="old")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    refused(tmp_path / "link", "link is a link to")
    assert (tmp_path / "run" / "verdict.txt").read_text() == "old"
    with new_folder(tmp_path / "run" / ".." / "run", RUN, overwrite=True):
        pass


def test_the_current_folder_home_and_disks_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where they hold a marker and nothing else."""
    inside = tmp_path / "run" / "models"
    write(tmp_path / "run")
    monkeypatch.chdir(inside)
    refused(tmp_path / "run", "is the current folder or one above it")
    refused(Path(".."), "is the current folder or one above it", at=tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(inside))
    refused(tmp_path / "run", "your home folder or one above it")
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(Path, "is_mount", lambda self: self.name == "run")
    refused(tmp_path / "run", "or a disk")
    monkeypatch.setattr(Path, "is_mount", lambda self: self.name == "models")
    refused(tmp_path / "run", "(models/)")
    monkeypatch.undo()
    for folder in (Path("/"), Path.home(), Path.home().parent):
        with pytest.raises(RunError, match="cannot be replaced"):
            check_folder(folder, RUN, overwrite=True)


def test_what_was_put_there_during_the_work_stays(tmp_path: Path) -> None:
    write(tmp_path / "run", content="old")
    with pytest.raises(RunError, match=r"\(precious\)"), new_folder(tmp_path / "run", RUN, overwrite=True):
        (tmp_path / "run" / "precious").write_text("x")
    with pytest.raises(RunError, match="is not empty"), new_folder(tmp_path / "new", RUN):
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "precious").write_text("x")
    assert (tmp_path / "run" / "verdict.txt").read_text() == "old"
    assert (tmp_path / "run" / "precious").exists() and (tmp_path / "new" / "precious").exists()
    assert names(tmp_path) == {"run", "new"}


# files that are added to a folder ------------------------------------------------------------------------


def test_added_files_are_known_as_gatecasts(tmp_path: Path) -> None:
    write(tmp_path / "run", content="old")
    for text in ("first", "again"):
        with added_files(tmp_path / "run", RUN) as partial:
            (partial / "charts").mkdir()
            (partial / "charts" / "skill.png").write_text(text)
        assert (tmp_path / "run" / "charts" / "skill.png").read_text() == text
    write(tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run" / "charts").exists()
    assert names(tmp_path) == {"run"}


def test_added_files_replace_no_file_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "kospi.md").write_text("my own notes")
    (tmp_path / "kospi-mine.png").symlink_to("nowhere")
    for name in ("kospi.md", "kospi-mine.png"):
        with (
            pytest.raises(RunError, match=rf"gatecast did not write {name}"),
            added_files(tmp_path, RECIPES) as partial,
        ):
            (partial / "other.md").write_text("x")
            (partial / name).write_text("x")
        assert names(tmp_path) == {"kospi.md", "kospi-mine.png"}
    with added_files(tmp_path, RECIPES) as partial:
        (partial / "tesla.md").write_text("x")
    assert names(tmp_path) == {"kospi.md", "kospi-mine.png", "tesla.md", ".gatecast.json"}
    with pytest.raises(RunError, match=r"gatecast did not write kospi\.md"):
        folders.check_added(tmp_path, RECIPES, ["tesla.md", "kospi.md"])
    assert (tmp_path / "kospi.md").read_text() == "my own notes"


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError])
def test_interrupted_additions_change_nothing(tmp_path: Path, trouble: type[BaseException]) -> None:
    write(tmp_path / "run")
    before = contents(tmp_path)
    with pytest.raises(trouble), added_files(tmp_path / "run", RUN) as partial:
        (partial / "report.html").write_text("x")
        raise trouble
    assert contents(tmp_path) == before


# what dead processes leave -------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from gatecast.folders import RUN, added_files, new_folder

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

moment = sys.argv[1]
rename, replace = Path.rename, Path.replace
if moment == "owner":
    import gatecast.folders
    gatecast.folders.try_lock = die
if moment == "before":
    Path.rename = lambda self, target: die() if self.name == "run" else rename(self, target)
if moment == "between":
    Path.rename = lambda self, target: die() if self.name == "new" else rename(self, target)
if moment == "after":
    import gatecast.folders
    gatecast.folders._settle = die
writing = added_files("run", RUN) if moment == "adding" else new_folder("run", RUN, overwrite=True)
with writing as partial:
    (partial / "verdict.txt").write_text("new")
    if moment in ("writing", "adding"):
        die()
    if moment == "alive":
        print("ready", flush=True)
        sys.stdin.read()
"""


def killed(folder: Path, moment: str) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, moment], cwd=folder, check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["owner", "writing", "adding", "before", "between", "after"])
def test_what_a_killed_process_leaves_is_put_in_order_at_the_next_start(tmp_path: Path, moment: str) -> None:
    write(tmp_path / "run", content="old")
    before = contents(tmp_path)
    killed(tmp_path, moment)
    assert contents(tmp_path) != before
    check_folder(tmp_path / "another", RUN)
    if moment == "after":
        assert names(tmp_path) == {"run"}
        assert (tmp_path / "run" / "verdict.txt").read_text() == "new"
    else:
        assert contents(tmp_path) == before


def test_a_restored_run_never_replaces_what_took_its_place(tmp_path: Path) -> None:
    write(tmp_path / "run", content="old")
    killed(tmp_path, "between")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("x")
    with pytest.warns(GatecastWarning, match=r"the older one is now .*run\.before-"):
        check_folder(tmp_path / "another", RUN)
    (kept,) = tmp_path.glob("run.before-*")
    assert (kept / "verdict.txt").read_text() == "old"
    assert names(tmp_path) == {"run", kept.name}
    assert names(tmp_path / "run") == {"precious"}


def test_a_living_process_is_left_alone(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, "alive"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    check_folder(tmp_path / "another", RUN)
    with new_folder(tmp_path / "own", RUN):  # nor this process itself
        check_folder(tmp_path / "another", RUN)
    process.communicate("")
    assert process.returncode == 0
    assert names(tmp_path) == {"run", "own"}
    assert (tmp_path / "run" / "verdict.txt").read_text() == "new"


def test_what_only_looks_like_gatecasts_stays(tmp_path: Path) -> None:
    write(tmp_path / "run")
    for name in (".run.old.abcdefgh", ".run.abcdefgh", ".run.gatecast-abcdefgh"):  # copies of the user's
        shutil.copytree(tmp_path / "run", tmp_path / name)
    other = tmp_path / ".run.gatecast-bcdefghi"
    other.mkdir()
    (other / "owner.json").write_text('{"place": "../run"}')
    (other / "old").mkdir()
    (tmp_path / ".run.gatecast-cdefghij").symlink_to(tmp_path / "run")
    (tmp_path / ".x.gatecast-cdefghij").write_text("x")
    before = contents(tmp_path)
    check_folder(tmp_path / "another", RUN)
    assert contents(tmp_path) == before


def test_work_is_known_as_gatecasts_from_its_first_moment_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a run that was killed then could neither go on nor be replaced."""
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == folders.WORK:
            assert folders.is_unfinished(self.parent)
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", interrupted)
        with folders.work_folder(tmp_path / "run"):
            raise AssertionError
    check_folder(tmp_path / "run", RUN)
    with folders.work_folder(tmp_path / "run") as work:
        (work / "answers").mkdir()
        (work / "answers" / "mine.parquet").write_text("x")
    assert folders.is_unfinished(tmp_path / "run")
    (tmp_path / "run" / "work" / "owner.json").write_text("{")  # it was killed as it wrote that
    with folders.work_folder(tmp_path / "run"):
        assert folders.worker_of(tmp_path / "run") == os.getpid()
    assert folders.worker_of(tmp_path / "run") is None


def test_an_unfinished_run_behind_a_link_is_finished_there(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "run")
    with folders.work_folder(tmp_path / "link"), new_folder(tmp_path / "link", RUN, finishing=True) as new:
        (new / "verdict.txt").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "disk" / "run") == {".gatecast.json", "verdict.txt"}


def test_files_in_work_are_known_by_their_names_alone(tmp_path: Path) -> None:
    with folders.work_folder(tmp_path / "run") as work:
        (work / "members" / "gru").mkdir(parents=True)
        (work / "members" / "gru" / "fold-0.safetensors").write_text("x")
        (work / "members" / "gru" / "notes.txt").write_text("precious")
    refused(tmp_path / "run", "(work/members/gru/notes.txt)")
