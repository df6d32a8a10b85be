"""`farebox serve`: start, and say how to get in."""

import sys
from dataclasses import replace
from typing import Annotated, Final

import typer

from proxy.cli.arguments import settings_of
from proxy.cli.output import say
from proxy.settings import Settings, admin_token, token_path
from proxy.version import __version__

WELCOME: Final = """\
Farebox {version}: {url} -> {upstream}

  page    {url}/
  login   {login}
  try     curl -i {url}/api/v3/google/gemini-3.1-flash-image-preview/text-to-image \\
            -H "Authorization: $GPTPROTO_API_KEY" -H "Content-Type: application/json" \\
            -d '{{"prompt": "a lighthouse at dusk", "size": "1K"}}'
"""


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that serve.")] = None,
) -> None:
    """Relay, price and keep the books until told to stop."""
    flags = {"host": host, "port": port, "workers": workers}
    given = {name: str(value) for name, value in flags.items() if value is not None}
    settings = settings_of(context, given)
    told = replace(settings, admin_token=admin_token(settings))
    login = _login(settings, told.admin_token if sys.stderr.isatty() else None)
    from proxy.server import serve as serve_forever  # noqa: PLC0415 - other commands start faster

    code = serve_forever(told, announce=lambda url: say(welcome(url, settings.upstream_url, login)))
    raise typer.Exit(code)


def welcome(url: str, upstream: str, login: str) -> str:
    """Return what is said once Farebox listens at `url`."""
    return WELCOME.format(version=__version__, url=url, upstream=upstream, login=login)


def _login(settings: Settings, token: str | None) -> str:
    """Say how to log in: the made token is shown to a person only, else where it lies."""
    if settings.admin_token is not None:
        return "with FAREBOX_ADMIN_TOKEN"
    kept = f"kept in {token_path(settings)}"
    return f"with the token {kept}" if token is None else f"{token}  ({kept})"
