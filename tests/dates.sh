#!/bin/sh
# Plays the tests on days that break calendars: the last minutes of a leap day's eve, of a year and of a
# month, and both changes of daylight time. Only the wall clock is moved; what waits, waits as ever.
# Left out by name: what starts processes of its own or a browser, since these read the clock of the machine and
# of each other.
set -u
cd "$(dirname "$0")/.." || exit 1
python=${1:?the Python to test with}
shift

if ! command -v faketime > /dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing faketime (once)..."
    { apt-get install -qq -y faketime || { apt-get update -qq && apt-get install -qq -y faketime; }; } > /dev/null 2>&1
  fi
  command -v faketime > /dev/null || { echo "These tests need faketime (Debian: apt-get install faketime)"; exit 1; }
fi

# Files keep their times: else Python would take every compiled file for an old one. Without the last, threads of
# Python hand over to each other many times slower.
export FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 FAKETIME_FORCE_MONOTONIC_FIX=0
failed=0
play() {
  echo "== $2 ($1)"
  shown=$1 began=$2
  shift 2
  TZ=$shown faketime -f "@$began" "$python" -m pytest -q -n "$(nproc)" --dist worksteal \
    -p no:cacheprovider --ignore=tests/end_to_end --ignore=tests/torture --ignore=tests/test_package.py \
    --ignore-glob="tests/web/test_page*.py" "$@" || failed=1
}

play UTC "2028-02-28 23:58:00" "$@"
play UTC "2026-12-31 23:58:00" "$@"
play UTC "2027-03-31 12:00:00" "$@"
play Europe/Paris "2027-03-28 01:58:30" "$@"
play Europe/Paris "2027-10-31 02:58:30" "$@"
exit $failed
