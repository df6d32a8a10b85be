"""The program, run in this process in a directory of its own."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.program import main


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said where."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    """`program("keys", "list")`, with whatever is to be read from standard input."""

    directory: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, reads: str = "") -> Ran:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(reads))
        code = main(list(arguments))
        said = self.capsys.readouterr()
        return Ran(code, said.out, said.err)

    def well(self, *arguments: str, reads: str = "") -> Ran:
        """Run what must end well."""
        ran = self(*arguments, reads=reads)
        assert ran.code == 0, ran
        return ran

    def set(self, name: str, value: str) -> None:
        self.monkeypatch.setenv(f"FAREBOX_{name}", value)
