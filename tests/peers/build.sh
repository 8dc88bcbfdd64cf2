#!/bin/sh
# Builds the real peers that tests and benchmarks talk to or compare with, etcd, kube-apiserver and
# helm, from source.
#
#   tests/peers/build.sh [NAME...]   builds what is missing of these, of all without a name
#   tests/peers/build.sh --check     exit 0 if etcd and kube-apiserver are there, 1 if not
#
# Everything lies in $HL_PEERS (default ~/.cache/hlmesh-peers), outside the tree:
#
#   bin/<name>-<version>             and links without the version
#   src/<name>-<version>/go.mod      a module of ours that names the versions
#
# Each peer is built as a package of a wrapper module. kube-apiserver's own go.mod points its parts
# (k8s.io/api, ...) to folders of its repository; the wrapper replaces them by the same parts as
# published, v1.X.Y of the whole being v0.X.Y of a part. helm gets the versions that its release has:
# its own, and client-go's minor as the Kubernetes that it assumes offline. Needs Go and its module
# proxy (GOPROXY).
set -eu

KUBERNETES=${HL_PEER_KUBERNETES:-1.34.4}
ETCD=${HL_PEER_ETCD:-3.6.16}
HELM=${HL_PEER_HELM:-3.21.4}
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

build_helm() {
    have "helm-$HELM" && return
    wrapper helm "$HELM"
    go mod edit -require "helm.sh/helm/v3@v$HELM"
    kube=$(GOFLAGS=-mod=mod go list -m -f '{{.Version}}' k8s.io/client-go)
    minor=${kube#v0.}
    flags="-X helm.sh/helm/v3/internal/version.version=v$HELM"
    for package in chartutil lint/rules; do
        flags="$flags -X helm.sh/helm/v3/pkg/$package.k8sVersionMajor=1"
        flags="$flags -X helm.sh/helm/v3/pkg/$package.k8sVersionMinor=${minor%%.*}"
    done
    build "helm-$HELM" helm.sh/helm/v3/cmd/helm "$flags"
}

if [ "${1:-}" = --check ]; then
    have "etcd-$ETCD" && have "kube-apiserver-$KUBERNETES"
    exit
fi
mkdir -p "$PEERS/bin"
[ $# -gt 0 ] || set -- etcd kube-apiserver helm
for name; do
    case $name in
    etcd) (build_etcd) && ln -sf "etcd-$ETCD" "$PEERS/bin/etcd" ;;
    kube-apiserver) (build_apiserver) && ln -sf "kube-apiserver-$KUBERNETES" "$PEERS/bin/$name" ;;
    helm) (build_helm) && ln -sf "helm-$HELM" "$PEERS/bin/helm" ;;
    *) echo "no peer is called $name" >&2 && exit 2 ;;
    esac
done
echo "peers are in $PEERS/bin" >&2
