"""The kernel that report notebooks run in: this interpreter, and nothing of the user's settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

__all__ = ["kernel_manager"]


class _ThisInterpreter(KernelSpecManager):
    """Knows one kernel and looks for no other, such as a "python3" in the user's home."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Describe the kernel, whatever its name."""
        start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return cast("Any", KernelSpec)(argv=start, display_name=kernel_name, language="python")


def kernel_manager(folder: Path) -> AsyncKernelManager:
    """Give a manager whose kernel talks through files where the system can, not through ports.

    Parameters
    ----------
    folder : pathlib.Path
        Empty folder for the kernel's files.

    Returns
    -------
    jupyter_client.manager.AsyncKernelManager
        The manager; the kernel is not started yet.
    """
    files = {} if sys.platform == "win32" else {"transport": "ipc", "ip": str(folder / "k")}
    return cast("Any", AsyncKernelManager)(
        kernel_name="python3",
        kernel_spec_manager=_ThisInterpreter(),
        connection_file=str(folder / "kernel.json"),
        **files,
    )
