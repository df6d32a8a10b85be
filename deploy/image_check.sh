#!/usr/bin/env bash
# Builds the image with buildah and runs it as it would run elsewhere: as nobody, on a read-only
# root, healthy, ended by SIGTERM. Needs buildah and the base image python:3.13-slim (pulled, or
# loaded beforehand into FAREBOX_IMAGE_STORE). About three minutes with an empty cache.
set -euo pipefail
cd "$(dirname "$0")/.."

store=${FAREBOX_IMAGE_STORE:-$(mktemp -d)}
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot} STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
b() { buildah --root "$store/root" --runroot "$store/run" "$@"; }
fail() { echo "image check: $*" >&2; exit 1; }

b build --format docker --pull="${FAREBOX_IMAGE_PULL:-missing}" -t farebox:check .

config=$(b inspect --type image farebox:check)
grep -q '"User": "10001"' <<<"$config" || fail "it does not run as 10001"
grep -q '"/healthz\|healthz' <<<"$config" || fail "it has no health check"
grep -q '"SIGTERM"' <<<"$config" || fail "it is not stopped by SIGTERM"

container=$(b from --pull-never farebox:check)
root=$(b mount "$container")
trap 'b rm "$container" >/dev/null' EXIT
before=$(find "$root" -xdev -not -path "$root/data/*" -newer "$0" -type f | wc -l)
find "$root/usr" "$root/opt" "$root/etc" -xdev -perm /6002 -type f -path '*farebox*' | grep . &&
    fail "files of ours that others may change"
du -sm "$root/opt/farebox" | sed 's/^/MiB of Farebox and its packages: /'

data=$(mktemp -d)
chown 10001:10001 "$data" && chmod 700 "$data"
port=${FAREBOX_IMAGE_PORT:-14999}
b run -v "$data:/ledger" --env FAREBOX_ADMIN_TOKEN=image-check-token --env "FAREBOX_PORT=$port" \
    --env FAREBOX_DATABASE_URL=sqlite:////ledger/farebox.db \
    "$container" -- sh -c 'id -u; touch /opt/farebox/x 2>/dev/null && echo WRITES; exec farebox serve' \
    >"$data.log" 2>&1 &
running=$!
for _ in $(seq 100); do
    curl -sf "http://127.0.0.1:$port/readyz" >/dev/null && break
    sleep 0.3
done
curl -sf "http://127.0.0.1:$port/readyz" || { cat "$data.log"; fail "it does not become ready"; }
grep -qx 10001 "$data.log" || fail "it runs as somebody else"
grep -q WRITES "$data.log" && fail "it may write to its own program"
served=$(pgrep -u 10001 -f '^/opt/farebox/bin/python[^ ]* /opt/farebox/bin/farebox serve')
kill -TERM "$served"
wait "$running" || fail "SIGTERM ends it with code $?"
after=$(find "$root" -xdev -not -path "$root/data/*" -newer "$0" -type f | wc -l)
[[ $before == "$after" ]] || fail "it wrote outside of its volume"
[[ -s $data/farebox.db ]] || fail "it kept no ledger"
stat -c '%a %n' "$data"/* | grep -v '^600 ' && fail "files that others may read"
echo "image check: passed"
