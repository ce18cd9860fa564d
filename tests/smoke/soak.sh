#!/bin/bash
# A random mix of hostile objects, reloads, floods and restarts. Both gateways enforce policy.
#
#   client 10.244.1.2, mallory 10.244.1.3  <-->  [A]  <---ESP--->  [B]  <-->  server 10.244.2.2
#
# After every event the client still reaches the server. Throughout: no packet that policy denies arrives,
# nothing is in clear on the wire, no sequence number or IV is used twice, every gateway that ends accounts for
# each packet, and an event explains the reason of every drop.
#
# EG_SOAK_SECONDS: duration (default 20). EG_SOAK_SEED: repeats a run. EG_SOAK_FRAMES: frames per flood (default
# 20000). Best run with a sanitizer build, in which a finding ends the gateway.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
seconds=${EG_SOAK_SECONDS:-20}
seed=${EG_SOAK_SEED:-$$}
RANDOM=$seed
echo "EG_SOAK_SEED=$seed"
soak=("$python" "$root/tests/smoke/soak.py")
server=10.244.2.2
esn=true
make_live_network
for address in 10.244.1.3/24 fd00:1::3/64; do
	inside "$ns_pods_a" ip addr add $address dev eth0
done

# --- the cluster: shop's server accepts UDP 7 from shop's client; there are 30 other tenants
object() { printf '%s\n' "---" "$@"; }
pod() { # NAMESPACE NAME NODE IPV4 IPV6
	object "apiVersion: v1" "kind: Pod" "metadata: {name: $2, namespace: $1, labels: {app: $2}}" \
		"spec: {nodeName: $3}" \
		"status: {phase: Running, podIP: $4, podIPs: [{ip: $4}, {ip: \"$5\"}]}"
}
for gateway in a b; do
	mkdir -p $gateway/policies $gateway/inventory
	mkdir -m 700 $gateway/state
	{
		for name in shop mallory; do
			object "{apiVersion: v1, kind: Namespace, metadata: {name: $name}}"
		done
		object "{apiVersion: v1, kind: Node, metadata: {name: node-a}, status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}}"
		object "{apiVersion: v1, kind: Node, metadata: {name: node-b}, status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}}"
		pod shop client node-a 10.244.1.2 fd00:1::2
		pod mallory bad node-a 10.244.1.3 fd00:1::3
		pod shop server node-b $server fd00:2::2
		for ((n = 10; n < 40; n++)); do
			object "{apiVersion: v1, kind: Namespace, metadata: {name: tenant-$n}}"
			pod tenant-$n filler node-b 10.244.2.$((n + 200 > 254 ? n + 40 : n + 200)) fd00:2::$n
		done
	} >$gateway/inventory/all.yaml
	{
		object "apiVersion: networking.k8s.io/v1" "kind: NetworkPolicy" \
			"metadata: {name: server, namespace: shop}" "spec:" \
			"  podSelector: {matchLabels: {app: server}}" \
			"  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{protocol: UDP, port: 7}]}]"
		for ((n = 10; n < 40; n++)); do
			object "apiVersion: networking.k8s.io/v1" "kind: NetworkPolicy" \
				"metadata: {name: deny, namespace: tenant-$n}" "spec: {podSelector: {}}"
		done
	} >$gateway/policies/all.yaml
	conf_extra="state_dir: $gateway/state
stats: {period: 200ms}
policy: {dirs: [$gateway/policies], inventory: [$gateway/inventory], max_connections: 16384}"
	write_live_conf $gateway
done

# --- witnesses
ip netns exec "$ns_pods_b" "$python" "$root/tests/smoke/udp_echo.py" serve 7 >echo.out &
pids+=($!)
ip netns exec "$ns_pods_b" "${soak[@]}" listen $server 9 >denied.out &
pids+=($!)
until_true 5 grep -q ready denied.out
start_capture "$ns_gw_b" from-a.pcap
capture_a=$listener
mkfifo frames
: >seen
: >events.out
"$python" "$root/tests/smoke/esp_watch.py" seen <frames >watch.out &
watch=$!
ip netns exec "$ns_gw_b" tcpdump -i wire -Q in -B 65536 -U -Z root -s 50 -w - 'esp and src host 192.0.2.1' \
	>frames 2>watch.log &
watcher=$!
pids+=($watch $watcher)
until_true 10 grep -q listening watch.log

reachable() { inside "$ns_pods_a" "$python" "$root/tests/smoke/udp_echo.py" ask $server 7; }
check() { # EVENT: the client reaches the server, and no denied packet arrived
	until_true 20 eval "reachable || { kill -0 $a && kill -0 $b; sleep 0.2; false; }"
	[ "$(wc -l <denied.out)" -eq 1 ] || { cat denied.out; fail "$1: a packet that policy denies arrived"; }
}

# --- events
runs=0
save_run() { # a|b: save its log, its statistics and its drops for the final check
	counters "$1" | sed -n 's/^drop\.//p' >>drops.out
	mkdir -p runs
	cp "$1.log" "runs/$runs-$1.log"
	cp "$1.txt" "runs/$runs-$1.txt"
	! grep -Eq 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:' "$1.log" "$1.txt" ||
		fail "$1: sanitizer finding"
	runs=$((runs + 1))
}

restart() { # a|b TERM|KILL
	if [ "$2" = TERM ]; then
		stop "$1" "${!1}"
	else
		kill -KILL "${!1}"
		wait_status "${!1}" 2>/dev/null || true
	fi
	save_run "$1"
	start_live_gateway "$1"
	declare -g "$1=$pid"
}

reloads() { grep -cE 'configuration [0-9]+ in force|reload refused' "$1.log" || true; }
reload() { # a|b: until it is in force or refused
	local before
	before=$(reloads "$1")
	kill -HUP "${!1}"
	until_true 60 eval "[ \$(reloads $1) -gt $before ] || ! kill -0 ${!1}"
	kill -0 "${!1}" || fail "$1 ended in a reload"
}

mapfile -t kinds < <("${soak[@]}" kinds)
mapfile -t floods < <("${soak[@]}" floods)

hostile_object() {
	local kind directory gateway=a
	read -r kind directory <<<"${kinds[RANDOM % ${#kinds[@]}]}"
	((RANDOM % 2)) || gateway=b
	"${soak[@]}" object "$kind" "$gateway/$directory/zz-mallory.yaml" $RANDOM
	reload $gateway
	tail -n 1 "$gateway.log" | cut -c 26-150 >last.out
	[ "$kind" = stolen_address ] || check "$kind"
	rm -rf "$gateway/$directory/zz-mallory.yaml" "$gateway/$directory/zz-mallory"
	reload $gateway
	grep -E 'configuration [0-9]+ in force|reload refused' "$gateway.log" | tail -n 1 | grep -q 'in force' ||
		fail "$kind: the configuration without it did not come into force"
	event="object $kind at $gateway"
	echo object >>events.out
}

flood() {
	local kind side ns=$ns_pods_a interface=eth0 mac=02:00:00:00:01:01
	read -r kind side <<<"${floods[RANDOM % ${#floods[@]}]}"
	[ "$side" = pods ] || { ns=$ns_gw_b interface=wire mac=02:00:00:00:00:0a; }
	inside "$ns" "${soak[@]}" flood $interface $mac "$kind" ${EG_SOAK_FRAMES:-20000} $RANDOM >flood.out
	printf '%s\n' "$kind" ${side#pods} >>events.out
	event="flood $kind, $(cat flood.out) frames"
}

start_live_gateway a
a=$pid
start_live_gateway b
b=$pid
check "the start"
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
end=$((SECONDS + seconds))
events=0
while [ $SECONDS -lt $end ]; do
	case $((RANDOM % 10)) in
	0 | 1 | 2 | 3) hostile_object ;;
	4 | 5 | 6 | 7) flood ;;
	8)
		gateway=a
		((RANDOM % 2)) || gateway=b
		reload $gateway
		event="reload of $gateway"
		echo reload >>events.out
		;;
	9)
		gateway=a signal=TERM
		((RANDOM % 2)) || gateway=b
		((RANDOM % 2)) || signal=KILL
		restart $gateway $signal
		event="restart of $gateway by SIG$signal"
		echo restart >>events.out
		;;
	esac
	check "$event"
	events=$((events + 1))
	echo "$event; resident memory $(resident "$a") and $(resident "$b") KiB"
done
stop a "$a"
save_run a
stop b "$b"
save_run b

# --- verdict
kill -INT $watcher
wait_status $watcher || true
wait_status $watch || { cat watch.out; fail "a sequence number or an IV was used twice"; }
expect_only_esp from-a.pcap $capture_a 'src host 192.0.2.2 or src host 10.244.2.2'
"${soak[@]}" explain drops.out events.out || fail "no event explains the reason of a drop"
echo "$events events, $runs runs of gateways, seed $seed: $(tail -n 1 watch.out)"
