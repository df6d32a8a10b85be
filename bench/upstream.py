"""An upstream that costs next to nothing: nginx, answering both kinds of calls from memory."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.processes import free_port, until_listening

CONF = """
worker_processes 1; daemon off; pid {folder}/upstream.pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600; client_max_body_size 64m;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; default_type application/json;
  server {{
    listen 127.0.0.1:{port} backlog=16384;
    location /api/v3/predictions/ {{ return 200 '{poll}'; }}
    location / {{ return 200 '{submit}'; }}
    location = /large.json {{ root {folder}; }}
    location ~ /large$ {{ error_page 405 =200 /large.json; return 405; }}
  }}
}}
"""
_PADDING = "x" * 200
_URL = '"urls":{"get":"https://gptproto.com/api/v3/predictions/$request_id/result"}'
SUBMIT = (
    '{"data":{"id":"$request_id","model":"gemini-3.1-flash-image-preview","outputs":[],'
    + _URL
    + ',"hasNsfwContents":[],"status":"created","createdAt":"2026-06-16 08:23:58",'
    '"executionTime":0,"timings":{"inference":0}},"message":"success","code":200}'
)
POLL = SUBMIT.replace('"created",', f'"processing","note":"{_PADDING}",')


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[int]:
    """Serve until the block ends; yields the port."""
    port = free_port()
    conf = folder / "upstream.conf"
    conf.write_text(CONF.format(folder=folder, port=port, poll=POLL, submit=SUBMIT))
    command = [*pinned(1), str(shutil.which("nginx")), "-p", str(folder), "-c", str(conf)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until_listening(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def pinned(core: int) -> list[str]:
    """Keep a process to a core: the proxy has the first to itself, all else the second."""
    return ["taskset", "-c", str(core)] if shutil.which("taskset") else []
