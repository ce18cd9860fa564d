# What every smoke test shares. A test sources this first; from there on it stands in an empty folder
# of its own, which is gone when it ends. Exit status: 0 passed, 1 failed, 77 skipped.
#
#   EG_BUILD   the build folder to test (default: build/release)
#   EG_EAL     EAL arguments for every gateway, such as --no-huge
#
# At the end of every test that passed, no file it made may contain key material.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
export LC_ALL=C
# A sanitizer's finding must be seen as a failure. DPDK itself is not instrumented.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export TSAN_OPTIONS="suppressions=$root/tests/smoke/tsan.supp exitcode=66"
build=$(cd "$root" && realpath "${EG_BUILD:-build/release}")
espgate=$build/app/espgate
data=$root/tests/data
python=/usr/bin/python3
read -ra eal_everywhere <<<"${EG_EAL:-}"
eal=()      # EAL arguments for the gateways of one test
pids=()     # what finish() ends
networks=() # namespaces that finish() deletes

dir=$(mktemp -d)
cd "$dir"
mkdir keys

fail() {
	echo "FAIL: $*"
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit 77
}

need() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
}

# until_true SECONDS COMMAND...: a condition that must come true. The limit is for what never does: on a
# busy machine everything takes longer, so it is EG_PATIENCE times as long.
until_true() {
	local limit=$(($1 * ${EG_PATIENCE:-4})) end
	shift
	end=$((SECONDS + limit + 1))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "not true within $limit s: $*"
		sleep 0.02
	done
}

# expect_status STATUS COMMAND...
expect_status() {
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$want" ] || fail "exit status $got, not $want: $*"
}

expect_line() { # FILE TEXT: some line contains it
	grep -qF -- "$2" "$1" || { cat "$1"; fail "$1 does not say: $2"; }
}

# --- configurations: pods 10.244.1.0/24, fd00:1::/64 -- A ==ESP== B -- pods 10.244.2.0/24, fd00:2::/64

suite=aes256gcm16
outer=4       # IP version of the tunnel
esn=false
window=64
sas=1         # SAs each way; their SPIs are 0x1001, 0x1002... from A to B, 0x2001... from B to A
encap=false   # udp_encap
pods_mac=02:00:00:00:00:fe
uplink_mac=02:00:00:00:00:0e
extra=        # more top-level lines
promiscuous=true

# fresh_state NAME: a top-level line, and the folder: what a gateway's keys were used for. One that
# $extra or $conf_extra names lives as long as the test says; this one is emptied at every start, as
# most tests begin each run at sequence number 1 and let B open one capture several times.
fresh_state() {
	mkdir -p -m 700 "fresh-$1"
	echo "state_dir: fresh-$1"
}

empty_fresh_state() { # NAME: where NAME.yaml has such a folder
	local state
	state=$(sed -n 's/^state_dir: \(fresh-.*\)/\1/p' "$1.yaml")
	[ -z "$state" ] || { rm -rf "$state" && mkdir -m 700 "$state"; }
}

make_keys() {
	local n
	for ((n = 1; n <= sas; n++)); do
		rm -f "keys/a-to-b-$n.key" "keys/b-to-a-$n.key"
		"$espgate" keygen "$suite" "keys/a-to-b-$n.key"
		"$espgate" keygen "$suite" "keys/b-to-a-$n.key"
	done
}

# write_conf NAME a|b PODS_DEVICE UPLINK_DEVICE: make NAME.yaml
write_conf() {
	local name=$1 side=$2 pods=$3 uplink=$4 me=1 other=2 out=a-to-b in=b-to-a n
	local ends=(- 192.0.2.1 192.0.2.2)
	[ "$outer" = 4 ] || ends=(- 2001:db8::1 2001:db8::2)
	[ "$side" = a ] || { me=2 other=1 out=b-to-a in=a-to-b; }
	{
		cat <<-EOF
			version: 1
			ports:
			  pods: {device: "$pods", role: clear, mtu: 9000, promiscuous: $promiscuous}
			  uplink: {device: "$uplink", role: encrypted, mtu: 9000, promiscuous: $promiscuous}
			neighbors:
			  - {port: uplink, ip: "${ends[other]}", mac: "$uplink_mac"}
			  - {port: pods, ip: 10.244.$me.254, mac: "$pods_mac"}
			  - {port: pods, ip: "fd00:$me::fe", mac: "$pods_mac"}
			routes:
			  - {to: 10.244.$me.0/24, via: 10.244.$me.254}
			  - {to: "fd00:$me::/64", via: "fd00:$me::fe"}
			  - {to: 10.244.$me.1/32, port: pods} # what pods say to the gateway itself
			  - {to: "fd00:$me::1/128", port: pods}
			$extra
			$([[ $extra == *state_dir:* ]] || fresh_state "$name")
			peers:
			  other:
			    local: "${ends[me]}"
			    remote: "${ends[other]}"
			    subnets: [10.244.$other.0/24, "fd00:$other::/64"]
			    udp_encap: $encap
			    sas:
		EOF
		for ((n = 1; n <= sas; n++)); do
			cat <<-EOF
				      - {dir: out, spi: $((me * 4096 + n)), suite: $suite, esn: $esn, key_file: keys/$out-$n.key}
				      - {dir: in, spi: $((other * 4096 + n)), suite: $suite, esn: $esn, key_file: keys/$in-$n.key, replay_window: $window}
			EOF
		done
	} >"$name.yaml"
}

# pcap N IN [OUT]: a net_pcap device string
pcap() {
	echo "net_pcap$1,rx_pcap=$2${3:+,tx_pcap=$3}"
}

# --- gateways: NAME.yaml in, statistics in NAME.txt, log in NAME.log

# on_cpu N: the gateways started next keep to this CPU and yield it when idle. Two busy loops that know
# nothing of each other would take turns by the scheduler's slices.
on_cpu() {
	local cpu=$(($1 % $(nproc)))
	eal=(--lcores "0@$cpu,1@$cpu" --main-lcore=0)
}

# The word before the program: "nsenter --net=..." where one is to run in a namespace.
within=()

start() { # NAME [run options]: returns when the workers run
	local name=$1
	shift
	rm -f "$name.txt" "$name.log" # of a run before: its words are not this one's
	empty_fresh_state "$name"
	"${within[@]}" "$espgate" run -c "$name.yaml" "$@" -- "${eal_everywhere[@]}" "${eal[@]}" \
		>"$name.txt" 2>"$name.log" &
	pids+=($!)
	pid=$!
	# ended early is for whoever waits for it to judge
	until_true 20 eval "grep -qs ' workers, ' $name.log || ! kill -0 $pid"
}

# status_of PID: wait for its end
status_of() {
	local pid status=0 others=()
	wait "$1" || status=$?
	for pid in "${pids[@]}"; do
		[ "$pid" = "$1" ] || others+=("$pid")
	done
	pids=("${others[@]}")
	return $status
}

finished() { # NAME PID: it ends by itself, and it was a clean run
	local status=0
	status_of "$2" || status=$?
	[ $status -eq 0 ] || { cat "$1.log" "$1.txt"; fail "$1: exit status $status"; }
	balanced "$1"
}

gateway() { # NAME: run until idle
	start "$1" --exit-when-idle 100ms
	finished "$1" "$pid"
}

stop() { # NAME PID [SIGNAL]
	kill -"${3:-TERM}" "$2"
	finished "$1" "$2"
}

# Everything that the last block of NAME.txt counts, as lines "KEY VALUE":
#   PORT.rx PORT.tx  sa.SPI  drop.NAME  own.KIND  failover  handed_over  rx made tx taken drops
counters() {
	awk '
		/^---- / { delete n; part = "" }
		/^  port / { part = $2 }
		/^  drops/ { part = "drops" }
		/^    [rt]x / { n[part "." $1] = $2 }
		/^    SA / { n["sa." $3] = $5 }
		part == "drops" && /^    [a-z0-9_]+ +[0-9]+  / { n["drop." $1] = $2 }
		/^  handed over/ { n["handed_over"] = $5 }
		/^  failover:/ { n["failover"] = $2 }
		/^  own:/ { for (i = 2; $i != "|"; i += 2) n["own." $i] = $(i + 1) }
		/^  total:/ { n["total"] = 1; for (i = 2; i < NF; i++) if ($i ~ /^[a-z]+$/) n[$i] = $(i + 1) }
		END { for (k in n) print k, n[k] }' "$1.txt"
}

counter() { # NAME KEY
	counters "$1" | awk -v key="$2" '$1 == key { value = $2 } END { printf "%.0f\n", value }'
}

# next_block NAME: two more blocks of the periodic statistics, so that one of them covers only time from
# here on
next_block() {
	local blocks
	blocks=$(grep -c '^---- ' "$1.txt" || true)
	until_true 20 eval "[ \"\$(grep -c '^---- ' $1.txt)\" -ge $((blocks + 2)) ]"
}

# stop_pair SENDER PID RECEIVER PID: two gateways that share memory (memif). DPDK's driver takes the rings
# from under a peer that still polls them when the other end goes: so the sender ends first, and the
# receiver is told as soon as the sender has begun to.
stop_pair() {
	kill "$2"
	until_true 20 grep -q "stopping: " "$1.log"
	kill "$4"
	finished "$1" "$2"
	finished "$3" "$4"
}

balanced() { # NAME: nothing was lost without a name, by the final block's own word and by ours
	[ "$(counter "$1" total)" -eq 1 ] || fail "$1: no final block"
	[ $(($(counter "$1" rx) + $(counter "$1" made))) -eq \
		$(($(counter "$1" tx) + $(counter "$1" taken) + $(counter "$1" drops))) ] ||
		{ cat "$1.txt"; fail "$1: rx + made is not tx + taken + drops"; }
	[ "$(counter "$1" drops)" -eq "$(counters "$1" | awk '/^drop\./ { n += $2 } END { printf "%.0f\n", n }')" ] ||
		{ cat "$1.txt"; fail "$1: the named drops are not all drops"; }
	! tail -n 1 "$1.txt" | grep -q 'in flight' || fail "$1: packets in flight at the end"
}

expect() { # NAME KEY=VALUE...
	local name=$1 pair
	shift
	for pair; do
		[ "$(counter "$name" "${pair%=*}")" -eq "${pair#*=}" ] ||
			{ cat "$name.txt"; fail "$name: not $pair"; }
	done
}

expect_drops() { # NAME [DROP=N...]: these and no others
	local name=$1
	shift
	diff <(printf '%s\n' "$@" | sed '/^$/d; s/^/drop./; s/=/ /' | sort) \
		<(counters "$name" | grep '^drop\.' | sort) ||
		fail "$name: drops are not as expected (< expected, > counted)"
}

# What each capture holds that no gateway passes on; the names are in tests/data/README.md.
drops_of_pods_a=(not_ip=2 multicast=9 link_local=3 no_neighbor=2 ttl_expired=2)
drops_of_pods_b=(not_ip=2 multicast=9 link_local=4 no_neighbor=2)

# --- the independent peers

esp_open() { "$python" "$root/tests/peer/esp_open.py" "$@" >esp_open.out || { cat esp_open.out; fail "esp_open $*"; }; }
esp_seal() { "$python" "$root/tests/peer/esp_seal.py" "$@" >esp_seal.out || { cat esp_seal.out; fail "esp_seal $*"; }; }
pcap_equal() { "$python" "$root/tests/peer/pcap_equal.py" "$@" >pcap_equal.out || { cat pcap_equal.out; fail "pcap_equal $*"; }; }
to_a=(--to 10.244.1.0/24 --to fd00:1::/64)
to_b=(--to 10.244.2.0/24 --to fd00:2::/64)

# --- network namespaces

# Not ip netns exec, nor ip -n: they remount /sys, which a chroot or a container may not.
inside() { nsenter --net="/run/netns/$1" "${@:2}"; }

# make_namespaces NAME...: $ns_NAME is the namespace's full name. Everything in them dies with them.
make_namespaces() {
	local name
	need ip ping
	for name; do
		ip netns add "eg$$-$name" 2>netns.err || skip "no network namespaces here: $(cat netns.err)"
		networks+=("eg$$-$name")
		declare -g "ns_$name=eg$$-$name"
		inside "eg$$-$name" true 2>netns.err ||
			skip "no network namespaces here: $(cat netns.err)"
		inside "eg$$-$name" ip link set lo up
		# No router solicitations or MLD between the test's packets.
		inside "eg$$-$name" sysctl -qw net.ipv6.conf.default.autoconf=0 \
			net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0
	done
}

# heard_all NAMESPACE INTERFACE FILE LISTENER: all that was sent on that wire stands in FILE, and tcpdump
# ends: a frame of an experimental EtherType behind the last packet has arrived.
heard_all() {
	until_true 10 send_marker "$@"
	kill -INT "$4"
	status_of "$4" || fail "tcpdump: $(cat "$3.log")"
}

send_marker() {
	nsenter --net="/run/netns/$1" "$python" -c 'import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
s.send(b"\xff" * 6 + bytes([2, 0, 0, 0, 0, 0x77]) + b"\x88\xb5" + bytes(46))' "$2" || return 1
	tcpdump -n -c 1 -r "$3" 'ether proto 0x88b5' 2>/dev/null | grep -q .
}

# Ping and UDP, IPv4 and IPv6, small and full, from namespace pods_a to pods_b and back.
pods_talk() {
	local pods n size address
	for n in 1 2; do
		pods=ns_pods_a address="10.244.2.2 fd00:2::2"
		[ $n = 1 ] || pods=ns_pods_b address="10.244.1.2 fd00:1::2"
		for address in $address; do
			for size in 0 56 1300; do
				inside "${!pods}" ping -q -c 10 -i 0.01 -W 2 -s $size "$address" >ping.out ||
					{ cat ping.out; fail "ping $address, $size bytes"; }
			done
		done
	done
	nsenter --net="/run/netns/$ns_pods_b" "$python" "$root/tests/smoke/udp_echo.py" serve 7 >udp.out &
	pids+=($!)
	until_true 5 grep -q ready udp.out
	for address in 10.244.2.2 fd00:2::2; do
		inside "$ns_pods_a" "$python" "$root/tests/smoke/udp_echo.py" ask "$address" 7 ||
			fail "UDP to $address"
	done
	kill $!
	status_of $! || true
	echo "pods talk: ping and UDP, IPv4 and IPv6"
}

# no_other_drops NAME DROP...: none but these
no_other_drops() {
	local name=$1 others
	shift
	others=$(counters "$name" | sed -n 's/^drop\.//p' | grep -vE "^($(tr ' ' '|' <<<"$*")) " || true)
	[ -z "$others" ] || fail "$name drops $others"
}

# --- devices

# A distribution may leave a driver out.
need_driver() {
	compgen -G "/usr/lib/*/dpdk/pmds-*/librte_net_$1.so*" >/dev/null ||
		compgen -G "/usr/local/lib*/*/dpdk/pmds-*/librte_net_$1.so*" >/dev/null ||
		skip "this DPDK has no driver net_$1"
}

# --- secrets

# find_keys FOLDER KEY_FILE...: names of files that hold any 8 bytes of a key, as hex or as they are
find_keys() {
	local folder=$1 hex chunk
	shift
	for key; do
		hex=$(grep -v '^#' "$key" | tr -d ' \n' | tr A-F a-f)
		for ((at = 0; at + 16 <= ${#hex}; at += 8)); do
			chunk=${hex:at:16}
			grep -rlaiF --exclude-dir=keys -e "$chunk" "$folder" || true
			grep -rlaP --exclude-dir=keys -e "$(sed 's/../\\x&/g' <<<"$chunk")" "$folder" || true
		done
	done
}

no_secrets() {
	local found=
	[ -z "$(ls keys)" ] || found=$(find_keys . keys/* | sort -u)
	[ -z "$found" ] || { echo "FAIL: key material in" $found; return 1; }
}

finish() {
	local status=$? pid network
	set +e
	trap - EXIT
	for pid in "${pids[@]}"; do
		kill -0 "$pid" 2>/dev/null && kill "$pid" && wait "$pid"
	done
	for network in "${networks[@]}"; do
		ip netns del "$network"
	done
	[ $status -ne 0 ] || no_secrets || status=1
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		tail -n 20 ./*.log 2>/dev/null
	fi
	cd /
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
