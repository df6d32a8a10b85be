"""An upstream that costs next to nothing: nginx, answering both kinds of calls from memory."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.install import where
from bench.processes import free_port, until_listening

CONF = """
worker_processes 1; daemon off; pid {place}/pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600; client_max_body_size 64m;
  client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
  uwsgi_temp_path {place}/u; scgi_temp_path {place}/s; default_type application/json;
  server {{
    listen 127.0.0.1:{port} backlog=16384;
    location = /v1/images/generations {{ return 200 '{image}'; }}
    location = /v1/chat/completions {{ return 200 '{chat}'; }}
    location /api/v3/predictions/ {{ return 200 '{poll}'; }}
    location / {{ return 200 '{submit}'; }}
    location = /large.json {{ root {folder}; }}
    location ~ /done$ {{ return 200 '{done}'; }}
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
DONE = '{"id":"$request_id","status":"completed","data":[{"url":"http://127.0.0.1/p.png"}]}'
IMAGE = '{"created":1700000000,"data":[{"url":"http://127.0.0.1/$request_id.png"}]}'
CHAT = (
    '{"id":"$request_id","object":"chat.completion","created":1700000000,"model":"m","choices":'
    '[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11}}'
)
CORES = (1,)
POLL = SUBMIT.replace('"created",', f'"processing","note":"{_PADDING}",')


@contextlib.contextmanager
def serving(folder: Path, cores: tuple[int, ...] = CORES) -> Iterator[int]:
    """Serve until the block ends; yields the port."""
    folder.chmod(0o755)  # nginx reads the large answer as another user
    port = free_port()
    place = folder / f"upstream-{port}"
    place.mkdir()
    conf = place / "conf"
    answers = {"poll": POLL, "submit": SUBMIT, "done": DONE, "image": IMAGE, "chat": CHAT}
    conf.write_text(CONF.format(folder=folder, place=place, port=port, **answers))
    command = [*pinned(*cores), str(where("nginx")), "-p", str(place), "-c", str(conf)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until_listening(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def pinned(*cores: int) -> list[str]:
    """Keep a process to cores: a proxy has the first to itself, all else the second."""
    if shutil.which("taskset") is None:
        return []
    return ["taskset", "-c", ",".join(map(str, cores))]
