#!/bin/sh
# What a shell user types: one submit, then polls at the URL handed out.
# Usage: BASE=… KEY=… sh curl.sh PROMPT MODEL SIZE. Each answer is a line: its status, its body.
set -eu
pause="${POLL_S:-2}"

call() {
    curl --silent --show-error --max-time 60 --write-out '\n%{http_code}' \
        --header "Authorization: Bearer $KEY" --header 'Content-Type: application/json' "$@" |
        { body=$(cat); printf '%s %s\n' "${body##*
}" "$(printf '%s' "${body%
*}" | tr '\r\n' '  ')"; }
}

answer=$(call --data "{\"prompt\":\"$1\",\"size\":\"$3\"}" "$BASE/api/v3/$2/text-to-image")
printf '%s\n' "$answer"
url=$(printf '%s' "$answer" | sed -n 's/.*"get": *"\([^"]*\)".*/\1/p')
[ -n "$url" ] || exit 1

while :; do
    answer=$(call "$url")
    printf '%s\n' "$answer"
    case "$answer" in
    200*'"status": "completed"'* | 200*'"status":"completed"'*) exit 0 ;;
    200*'"status": "failed"'* | 200*'"status":"failed"'*) exit 1 ;;
    200*) sleep "$pause" ;;
    *) exit 1 ;;
    esac
done
