"""What fuzzing starts from: the corpora of the suite, and real tables and answers."""

from pricing.load import BUNDLED
from tests.edge.corpus import CROSSING, NOT_CROSSING
from tests.hardening.bodies.page import documents
from tests.hardening.fuzz.corpus import INPUT_MAX, keep, kept

ANSWERS = (
    b'{"code":200,"data":{"id":"p","status":"created","urls":{"get":"https://u/api/v3/predictions/p/result"}}}',
    b'{"data":[{"id":"p","status":"completed","outputs":["a","b"],"urls":[{"get":"/api/v3/x"}]}]}',
    b'{"id":"p","polling_url":"https://u/api/v3/tasks/result/p","status":"pending"}',
    b'{"code":5004,"message":"Sync mode timed out","data":{"id":"p","status":"processing"}}',
    b'{"error":{"message":"no","code":402}}',
    b'{"code":400,"message":"no","data":null}',
    b'{"created":1,"data":[{"b64_json":"AAAA"},{"url":"x"}]}',
    b'{"data":{"id":"p","status":"failed","error":"","outputs":[]}}',
    b"<html>",
)


def seed() -> None:
    """Add the seeds to what is kept already."""
    bodies = [d.body for d in documents() if len(d.body) < INPUT_MAX]
    tables = [file.read_bytes() for file in BUNDLED.glob("*.toml")]
    rows = [part for text in tables for part in (text[:600], text[600:2400])]
    seeds = {
        "order": [bytes([i % 5]) + body for i, body in enumerate(bodies)],
        "size": [body[12:-2] for body in bodies[:60]],
        "price_table": rows,
        "path": [*CROSSING, *NOT_CROSSING],
        "outcome": [bytes([i, 7]) + answer for i in range(14) for answer in ANSWERS],
    }
    for target, found in seeds.items():
        keep(target, [*kept(target), *found])


if __name__ == "__main__":
    seed()
