#!/usr/bin/env bash
# RabbitMQ, MQTT alone.
. "$(dirname "$0")/common.sh"
# The program on the PATH changes to another user and writes to /var; this is the one behind it.
program=/usr/lib/rabbitmq/bin/rabbitmq-server
prepare "$program" "$@"
echo '[rabbitmq_mqtt].' >"$dir/plugins"
cat >"$dir/rabbitmq.conf" <<END
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:$port
mqtt.allow_anonymous = true
mqtt.prefetch = 100
disk_free_limit.absolute = 100MB
log.console = true
log.file = false
END
export HOME=$dir ERL_CRASH_DUMP=/dev/null
export RABBITMQ_NODENAME=vigie@localhost RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf RABBITMQ_ADVANCED_CONFIG_FILE=$dir/none.config
export RABBITMQ_ENABLED_PLUGINS_FILE=$dir/plugins RABBITMQ_PID_FILE=$dir/pid
export RABBITMQ_MNESIA_BASE=$dir/data RABBITMQ_LOG_BASE=$dir/log RABBITMQ_GENERATED_CONFIG_DIR=$dir/generated
# No epmd, a daemon that would outlive this: the port of the node is told, not asked for. By environment, since RabbitMQ
# tries every minute, from a node of its own, to start one. It gives itself a name where it has none: then it would ask.
export ERL_FLAGS="-start_epmd false -erl_epmd_port $other"
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-sname $RABBITMQ_NODENAME -kernel inet_dist_use_interface {127,0,0,1}"
# What makes the script become the server instead of waiting for it.
export RUNNING_UNDER_SYSTEMD=true
exec "$program"
