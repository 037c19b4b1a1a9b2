#!/bin/sh
# Finds a Chromium for the browser tests, or installs Debian's when we are root.
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Debian's chromium for the browser tests (once)..."
  log=$(mktemp)
  if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
       chromium fonts-dejavu-core; } >"$log" 2>&1; then
    rm -f "$log"; exit 0
  fi
  cat "$log"; rm -f "$log"
fi
echo "The browser tests need Chromium. On Debian: sudo apt-get install chromium" >&2
exit 1
