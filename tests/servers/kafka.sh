#!/usr/bin/env bash
# Kafka, one node, its controller on OTHER. KAFKA_MESSAGE_MAX_BYTES: the largest batch it takes (its own default: 1 MiB).
# KAFKA_PROXIED, "INSIDE OUTSIDE": a second way in, on the port INSIDE; who comes that way is told the port OUTSIDE, a proxy's.
# KAFKA_SECURE, a port: TLS alone. PORT lets in who has a password (PLAIN, SCRAM-SHA-256): `admin`, who may do all, and `nobody`,
# who may do nothing; it is the name and "-secret". KAFKA_SECURE lets in who has a certificate: DIR/client.pem and DIR/client.key
# are admin's. The CA of all is DIR/ca.pem.
. "$(dirname "$0")/common.sh"
prepare "$cache/kafka/stamp" "$@"
read -r inside outside <<<"${KAFKA_PROXIED:-}" || true
secure=${KAFKA_SECURE:-} protocol=${KAFKA_SECURE:+SASL_SSL}
cat >"$dir/log4j2.yaml" <<'END'
Configuration:
  Appenders: {Console: {name: out, PatternLayout: {pattern: "%d %p %c{1}: %m%n"}}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: out}]}
    Logger: [{name: kafka.server.KafkaRaftServer, level: INFO}]
END
# Where a broker was killed, the next one may not register until the session of the first has run out: by default 9 s.
cat >"$dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$other
listeners=CONTROLLER://127.0.0.1:$other,BROKER://$host:$port${inside:+,PROXIED://$host:$inside}${secure:+,MUTUAL://$host:$secure}
advertised.listeners=BROKER://$host:$port${outside:+,PROXIED://$host:$outside}${secure:+,MUTUAL://$host:$secure}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,BROKER:${protocol:-PLAINTEXT},PROXIED:PLAINTEXT,MUTUAL:SSL
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs=$dir/data
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
${KAFKA_MESSAGE_MAX_BYTES:+message.max.bytes=$KAFKA_MESSAGE_MAX_BYTES}
END

# certificate NAME SUBJECT EXTENSION [OPTION…] makes DIR/NAME.pem and its DIR/NAME.key.
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
        -keyout "$dir/$1.key" -out "$dir/$1.pem" -subj "/CN=$2" -addext "$3" "${@:4}"
}
certificates() {
    local by_ca=(-CA "$dir/ca.pem" -CAkey "$dir/ca.key")
    certificate ca "tests of vigie" keyUsage=keyCertSign
    certificate broker broker "subjectAltName=IP:$host" "${by_ca[@]}"
    certificate client admin extendedKeyUsage=clientAuth "${by_ca[@]}"
    cat "$dir/broker.key" "$dir/broker.pem" >"$dir/broker.store"
}
# The broker is a client too, of itself. The controller is not secured: whom it knows not by name is the broker.
security() {
    local modules=org.apache.kafka.common.security
    cat <<END
ssl.keystore.type=PEM
ssl.keystore.location=$dir/broker.store
ssl.truststore.type=PEM
ssl.truststore.location=$dir/ca.pem
listener.name.mutual.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.broker.plain.sasl.jaas.config=$modules.plain.PlainLoginModule required \
    username=admin password=admin-secret user_admin=admin-secret user_nobody=nobody-secret;
listener.name.broker.scram-sha-256.sasl.jaas.config=$modules.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:CN=admin;User:ANONYMOUS
END
}
users=()
if [ -n "$secure" ]; then
    command -v openssl >/dev/null || { echo "openssl is not installed: Kafka has no certificates" >&2; exit 69; }
    [ -e "$dir/broker.store" ] || certificates
    security >>"$dir/server.properties"
    for user in admin nobody; do
        users+=(--add-scram "SCRAM-SHA-256=[name=$user,password=$user-secret]")
    done
fi

# The lesser compiler: up in two thirds of the time, and fast enough.
java=(java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=$dir/log4j2.yaml"
    -cp "$cache/kafka/lib/*")
[ -e "$dir/data/bootstrap.checkpoint" ] ||
    "${java[@]}" kafka.tools.StorageTool format --cluster-id vigieTestsOfKafkaAAAAA --config "$dir/server.properties" \
        "${users[@]}"
exec "${java[@]}" kafka.Kafka "$dir/server.properties"
