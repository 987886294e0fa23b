#!/usr/bin/env bash
# Installs the servers that the tests run against, each once: install.sh [NAME…]
# What this machine cannot have is said in a sentence and left out: the tests that need it say "skipped".
. "$(dirname "$0")/common.sh"
. "$here/recipes.sh"
[ $# -gt 0 ] || set -- mosquitto rabbitmq prometheus kafka ferretdb mongo-java versitygw toxiproxy pandas
export CGO_ENABLED=0 GOTOOLCHAIN=local
flags=(-trimpath -buildvcs=false "-ldflags=-s -w")

# The recipes: each makes one server in the folder it is called in.
kafka() {
    jars kafka && java -cp 'lib/*' kafka.tools.StorageTool random-uuid
}
mongo-java() {
    jars mongo-java &&
        java -jar lib/ecj-*.jar -17 -cp "$(printf '%s:' lib/*.jar)" -d classes "$here/mongo-java/Main.java"
}
ferretdb() {
    cp "$here"/ferretdb/* . && go mod vendor && one_connection_at_a_time &&
        go build -mod=vendor "${flags[@]}" -o ferretdb . && rm -rf vendor
}
versitygw() {
    GOBIN=$PWD go install "${flags[@]}" github.com/versity/versitygw/cmd/versitygw@v1.8.0
}
toxiproxy() {
    GOBIN=$PWD go install "${flags[@]}" github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0 && mv server toxiproxy-server
}
minio() {
    GOBIN=$PWD go install "${flags[@]}" github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
}

pandas() {
    python3 -m venv . && bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check pandas==2.2.3
}

jars() {
    mvn -q -B -f "$here/$1/pom.xml" dependency:copy-dependencies -DoutputDirectory="$PWD/lib"
}
# FerretDB holds a connection for each update of a command until the command ends, and has a hundred: a command with a
# hundred updates waits for ever, and with it every later write. Each update now gives back its own.
one_connection_at_a_time() {
    local file=vendor/github.com/FerretDB/FerretDB/internal/handler/msg_update.go
    sed -i 's/^\t\tresult, err := common.UpdateDocument(.*$/&\n\t\tcloser.Close()/' "$file" &&
        [ "$(grep -c '^		closer.Close()$' "$file")" = 1 ]
}

missing() {
    echo "$1 is not installed: $2. The tests that need it say so and are skipped." >&2
}
has_go() {
    command -v go >/dev/null && [[ $(go env GOVERSION) =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 25 ]
}
has_python() {
    python3 -c 'import ensurepip, sys; sys.exit(not (3, 9) <= sys.version_info < (3, 14))' 2>/dev/null
}

for name; do
    case $name in
        mosquitto)
            command -v mosquitto >/dev/null || apt mosquitto ||
                missing mosquitto "it is a package of the system, which this user may not install" ;;
        prometheus)
            command -v prometheus >/dev/null || apt prometheus ||
                missing prometheus "it is a package of the system, which this user may not install" ;;
        rabbitmq)
            [ -e /usr/lib/rabbitmq ] || apt rabbitmq-server ||
                missing rabbitmq "it is a package of the system, which this user may not install" ;;
        kafka | mongo-java)
            # For the certificates of a Kafka with TLS.
            [ "$name" = mongo-java ] || command -v openssl >/dev/null || apt openssl || true
            is_made "$name" && continue
            has_java || apt default-jre-headless maven || true
            if has_java; then make_it "$name"; else missing "$name" "it needs java (17 or later) and Maven"; fi ;;
        ferretdb | versitygw | toxiproxy | minio)
            is_made "$name" && continue
            if has_go; then make_it "$name"; else missing "$name" "it needs Go 1.25 or later (Debian's is older)"; fi ;;
        pandas)
            is_made "$name" && continue
            has_python || apt python3-venv || true
            if has_python; then make_it "$name"; else missing "$name" "it needs Python 3.9 to 3.13 with venv"; fi ;;
        *)
            echo "no server is named $name" >&2
            exit 2 ;;
    esac
done
