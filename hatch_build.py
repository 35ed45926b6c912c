"""Compiles the inner loops when halation is installed: a C compiler comes along as a package."""

from __future__ import annotations

import os
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


class Loops(BuildHookInterface):  # type: ignore[type-arg, misc]
    """Makes ``libloops.so`` (``.dll``, ``.dylib``) of the C files in ``halation/dsp/loops``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is for this platform alone."""
        suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
        platform = sysconfig.get_platform()
        intel = any(name in platform for name in ("x86_64", "amd64"))
        for name, target in TARGETS.items() if intel else (("libloops", ""),):
            built = Path(self.root, LOOPS, f"{name}{suffix}")
            self._compile(built, (f"-mcpu={target}",) if target else ())
            build_data["artifacts"].append(built.relative_to(self.root).as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"

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
