#!/bin/sh
# Builds the real peers that tests and benchmarks talk to, etcd and kube-apiserver, from source.
#
#   tests/peers/build.sh           builds what is missing
#   tests/peers/build.sh --check   exit 0 if everything is there, 1 if not; builds nothing
#
# Everything lies in $HL_PEERS (default ~/.cache/hlmesh-peers), outside the tree:
#
#   bin/etcd-<version> bin/kube-apiserver-<version>   and links without the version
#   src/<name>-<version>/go.mod                       a module of ours that names the versions
#
# Each peer is built as a package of a wrapper module. kube-apiserver's own go.mod points its parts
# (k8s.io/api, ...) to folders of its repository; the wrapper replaces them by the same parts as
# published, v1.X.Y of the whole being v0.X.Y of a part. Needs Go and its module proxy (GOPROXY).
set -eu

KUBERNETES=${HL_PEER_KUBERNETES:-1.34.4}
ETCD=${HL_PEER_ETCD:-3.6.16}
PEERS=${HL_PEERS:-$HOME/.cache/hlmesh-peers}

# A program that was built completely is there under its final name, and only then.
have() { [ -x "$PEERS/bin/$1" ]; }

wrapper() { # name version
    dir=$PEERS/src/$1-$2
    mkdir -p "$dir"
    printf 'module hlmesh.test/peer/%s\n\ngo 1.24.0\n' "$1" >"$dir/go.mod"
    cd "$dir"
}

build() { # output package ldflags
    echo "building $1" >&2
    CGO_ENABLED=0 GOFLAGS='-mod=mod -trimpath -buildvcs=false' \
        nice -n 19 go build -p "${HL_PEER_JOBS:-1}" -ldflags "-s -w $3" -o "$PEERS/bin/$1.part" "$2"
    mv "$PEERS/bin/$1.part" "$PEERS/bin/$1"
}

build_etcd() {
    have "etcd-$ETCD" && return
    wrapper etcd "$ETCD"
    go mod edit -require "go.etcd.io/etcd/server/v3@v$ETCD"
    build "etcd-$ETCD" go.etcd.io/etcd/server/v3 ""
}

build_apiserver() {
    have "kube-apiserver-$KUBERNETES" && return
    wrapper kube-apiserver "$KUBERNETES"
    part=v0.${KUBERNETES#1.}
    gomod=$(go mod download -json "k8s.io/kubernetes@v$KUBERNETES" |
        sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
    [ -r "$gomod" ] || { echo "no go.mod of k8s.io/kubernetes v$KUBERNETES" >&2; exit 1; }
    go mod edit -require "k8s.io/kubernetes@v$KUBERNETES"
    sed -n 's#^[[:space:]]*\(replace \)\{0,1\}\(k8s\.io/[a-z0-9-]*\) => \./staging/.*#\2#p' "$gomod" |
        sort -u | while read -r name; do go mod edit -replace "$name=$name@$part"; done
    version=k8s.io/component-base/version
    minor=${KUBERNETES#1.}
    build "kube-apiserver-$KUBERNETES" k8s.io/kubernetes/cmd/kube-apiserver \
        "-X $version.gitVersion=v$KUBERNETES -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}"
}

if [ "${1:-}" = --check ]; then
    have "etcd-$ETCD" && have "kube-apiserver-$KUBERNETES"
    exit
fi
mkdir -p "$PEERS/bin"
(build_etcd)
(build_apiserver)
ln -sf "etcd-$ETCD" "$PEERS/bin/etcd"
ln -sf "kube-apiserver-$KUBERNETES" "$PEERS/bin/kube-apiserver"
echo "peers are in $PEERS/bin" >&2
