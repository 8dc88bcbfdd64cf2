#!/bin/sh
# Plays Figure 8 of the Raft paper on the libraft that is installed (Debian: libraft-dev), and says
# which version that is. docs/decisions/0006 speaks of the result.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pkg-config --exists raft || { echo "libraft is not installed: apt-get install libraft-dev" >&2; exit 3; }
echo "libraft $(pkg-config --modversion raft)"
cc -O1 -Wall -o "$work/figure8" "$here/figure8.c" $(pkg-config --cflags --libs raft)
"$work/figure8"
