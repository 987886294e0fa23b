# What install.sh, up.sh and the start scripts share.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VIGIE_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/vigie/servers}
PATH=$PATH:/usr/local/sbin:/usr/sbin
host=${VIGIE_HOST:-127.0.0.1}

# A start script is NAME.sh DIR PORT OTHER. It prepares DIR and then becomes the server (exec), so that its process id is
# the server's. All listen on one address alone: on PORT, and on OTHER those that need a second port. It is 127.0.0.1, or
# VIGIE_HOST, which mosquitto, Kafka and FerretDB take.
# A server is there when FILE is: prepare FILE DIR PORT OTHER. 69 (EX_UNAVAILABLE) tells callers that it is not.
prepare() {
    name=$(basename "$0" .sh)
    [ -e "$1" ] || { echo "$name is not installed: tests/servers/install.sh $name says why" >&2; exit 69; }
    mkdir -p "$2/data"
    dir=$(cd "$2" && pwd)
    port=$3
    other=${4:-}
}
