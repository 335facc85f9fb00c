"""What is built with the package, where there is a C compiler and where there is none."""

import hatch_build
import pytest


@pytest.fixture
def without_compiler(monkeypatch):
    monkeypatch.setattr(hatch_build.shutil, "which", lambda name: None)
    monkeypatch.delenv("CC", raising=False)


@pytest.mark.usefixtures("without_compiler")
def test_without_a_compiler_nothing_is_built_and_what_was_is_gone(tmp_path, monkeypatch):
    monkeypatch.delenv("GATECAST_REQUIRE_KERNEL", raising=False)
    (tmp_path / f"x86-64-v2.float32{hatch_build.ENDING}").touch()
    (said,) = hatch_build.build(tmp_path, every_level=True)
    assert said.startswith("no C compiler (") and list(tmp_path.iterdir()) == []
    monkeypatch.setenv("GATECAST_REQUIRE_KERNEL", "1")
    with pytest.raises(SystemExit, match="no C compiler"):
        hatch_build.build(tmp_path, every_level=True)


@pytest.mark.parametrize("compiler, said", [("false", "could not compile"), ("no-such-cc", "cannot be run")])
def test_a_compiler_that_fails_is_said_and_leaves_nothing(compiler, said, tmp_path, monkeypatch):
    monkeypatch.delenv("GATECAST_REQUIRE_KERNEL", raising=False)
    monkeypatch.setenv("CC", compiler)
    (problem,) = hatch_build.build(tmp_path, every_level=False)
    assert problem.startswith(compiler) and said in problem
    assert list(tmp_path.iterdir()) == []


def test_a_change_of_any_source_is_another_hash(tmp_path, monkeypatch):
    copy = hatch_build.shutil.copytree(hatch_build.SOURCE, tmp_path / "kernel")
    monkeypatch.setattr(hatch_build, "SOURCE", copy)
    before = hatch_build.source_hash()
    with (copy / "cells.h").open("a") as source:
        source.write("\n")
    assert hatch_build.source_hash() != before
