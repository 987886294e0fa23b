#!/usr/bin/env bash
# Kafka, one node, its controller on OTHER. KAFKA_MESSAGE_MAX_BYTES: the largest batch it takes (its own default: 1 MiB).
. "$(dirname "$0")/common.sh"
prepare "$cache/kafka/stamp" "$@"
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
listeners=BROKER://127.0.0.1:$port,CONTROLLER://127.0.0.1:$other
advertised.listeners=BROKER://127.0.0.1:$port
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
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
# The lesser compiler: up in two thirds of the time, and fast enough.
java=(java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=$dir/log4j2.yaml"
    -cp "$cache/kafka/lib/*")
[ -e "$dir/data/bootstrap.checkpoint" ] ||
    "${java[@]}" kafka.tools.StorageTool format --cluster-id vigieTestsOfKafkaAAAAA --config "$dir/server.properties"
exec "${java[@]}" kafka.Kafka "$dir/server.properties"
