"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

__all__ = ["write_whole"]


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write a file so that nobody ever sees a part of it.

    The content goes to a temporary file beside the target, which then takes the target's name.

    Parameters
    ----------
    path : pathlib.Path
        Where the file shall be; missing folders are made.
    content : str or bytes
        What it shall hold; text is written in UTF-8 with its line ends as they are.

    Returns
    -------
    pathlib.Path
        The path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        temporary = Path(part.name)
        try:
            part.write(data)
            part.close()
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            part.close()
            temporary.unlink(missing_ok=True)
            raise
    return path


def _umask() -> int:
    """Permissions that the user wants withheld, which a temporary file does not ask about."""
    current = os.umask(0)
    os.umask(current)
    return current
