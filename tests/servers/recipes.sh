# Makes things by recipes, each once: the servers (install.sh), and who the benches compare with (benches/peers/setup.sh).
# A recipe is a function that makes the thing of its name in the folder it is called in, $cache/NAME. Who sources this has
# said `here`, `cache`, and how it tells what is missing: missing NAME WHY.

# The stamp of a thing is the recipe it was made by, versions and all. It is written last.
recipe() {
    declare -f "$1" && cat "$here/$1"/* 2>/dev/null || true
}
is_made() {
    [ -e "$cache/$1/stamp" ] && cmp -s "$cache/$1/stamp" <(recipe "$1")
}
make_it() {
    mkdir -p "$cache"
    (
        flock 9 # others may want it at the same time
        ! is_made "$1" || exit 0
        echo "Making $1 in $cache/$1, once …"
        rm -rf "${cache:?}/$1"
        mkdir "$cache/$1"
        cd "$cache/$1"
        "$1" >log 2>&1 && recipe "$1" >stamp && exit 0
        tail -n 5 log >&2
        missing "$1" "it could not be made, see $PWD/log"
    ) 9>"$cache/lock"
}

has_java() {
    command -v java >/dev/null && command -v mvn >/dev/null
}
apt() {
    "$(dirname "${BASH_SOURCE[0]}")/../../scripts/apt.sh" "$@"
}
