# What setup.sh and run.sh share.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VIGIE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/vigie/peers}
