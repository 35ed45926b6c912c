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
TARGETS = {"x86_64": ("-mcpu=x86_64_v2",), "amd64": ("-mcpu=x86_64_v2",)}
"""What every processor since 2010 has, and what numpy asks for, too."""


class Loops(BuildHookInterface):  # type: ignore[type-arg, misc]
    """Makes ``halation/dsp/loops/libloops.so`` (``.dll``, ``.dylib``) of the C files beside it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is for this platform alone."""
        suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
        built = Path(self.root, LOOPS, f"libloops{suffix}")
        platform = sysconfig.get_platform()
        target = next((flags for name, flags in TARGETS.items() if name in platform), ())
        with tempfile.TemporaryDirectory() as scratch:
            # Beside its place first, so that a program that runs keeps the one that it has.
            draft = built.with_name(f".{built.name}")
            subprocess.run(
                [
                    *(sys.executable, "-m", "ziglang", "cc", *FLAGS, *target),
                    *("-o", str(draft), *map(str, sorted(built.parent.glob("*.c")))),
                ],
                check=True,
                env={**os.environ, **dict.fromkeys(_CACHES, scratch)},
            )
            draft.replace(built)
        build_data["artifacts"].append(built.relative_to(self.root).as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"


_CACHES = ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
