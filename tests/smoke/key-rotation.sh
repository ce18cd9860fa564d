#!/bin/bash
# Key rotation: both gateways get new keys and SPIs by SIGHUP under load, many times, and load them at different
# moments. No packet is lost, and none is outside the window.
#
#   pods-a.pcap, endless -> [A] == memif == [B] -> nowhere
#
# EG_RUNS: number of rotations (default 20). EG_DELAY_MS: rekey.send_delay (default 1500).
. "$(dirname "$0")/lib.sh"
need_driver memif
runs=${EG_RUNS:-20}
# A new SA starts to send this long after its gateway has loaded it: long enough for the other gateway to load
# it, even on a busy machine.
delay_ms=${EG_DELAY_MS:-1500}

memif="role=%s,id=0,socket-abstract=no,socket=$dir/memif,bsize=10240"
mkdir -m 700 state-a state-b
generation=0

# New keys and SPIs. The configuration files are replaced atomically.
make_generation() {
	generation=$((generation + 1))
	for key in a-to-b b-to-a; do
		"$espgate" keygen $suite keys/$key-$generation.key
	done
	for side in a b; do
		extra="state_dir: state-$side"$'\nstats: {period: 100ms}'
		if [ $side = a ]; then
			write_conf next a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" "$(printf "net_memif0,$memif" server)"
		else
			write_conf next b "net_null0,no-rx=1" "$(printf "net_memif0,$memif" client)"
		fi
		sed -i "s/spi: \([0-9]*\)/spi: \1$generation/; s/-1\.key/-$generation.key/; s/^    sas:/$(printf '    rekey: {send_delay: %dms, grace: 10s}' "$delay_ms")\n&/" next.yaml
		mv next.yaml $side.yaml
	done
}

loaded() { # NAME COUNT: so many configurations have come into force
	[ "$(grep -c 'configuration .* in force' "$1.log")" -ge "$2" ]
}

loaded_at() { # NAME: print when its last configuration came into force, in ms
	date +%s%3N -d "$(grep 'configuration .* in force' "$1.log" | tail -n 1 | cut -d' ' -f1)"
}

make_generation
on_cpu 0
start a
a=$pid
until_true 10 test -S memif
on_cpu 1
start b
b=$pid
until_true 10 eval '[ "$(counter b uplink.rx)" -gt 1000 ]'
until_true 10 grep -q "uplink: link is up" a.log
wait_for_blocks a
before_link=$(counter a drop.link_down) # before B started

for ((run = 1; run <= runs; run++)); do
	make_generation
	# Alternate which one loads first, with a random delay.
	first=$((run % 2 ? a : b)) second=$((run % 2 ? b : a))
	kill -HUP $first
	sleep 0.$(printf %03d $((RANDOM % (delay_ms / 10))))
	kill -HUP $second
	until_true 10 loaded a $((generation))
	until_true 10 loaded b $((generation))
	[ $(($(loaded_at b) - $(loaded_at a))) -lt $delay_ms ] ||
		fail "B loaded more than $delay_ms ms after A: this machine needs a longer EG_DELAY_MS"
	until_true 10 eval "[ \"\$(counter a sa.$(printf 0x%08x 4097$generation))\" -gt 0 ]" # A sends on the new SA
	rm -f keys/*-$((generation - 1)).key
done
stop_pair a "$a" b "$b"

# A sends at full rate and B may be slower: then A drops frames as tx_full. Losses because of a missing or wrong
# SA have other reasons.
no_other_drops a not_ip multicast link_local no_neighbor ttl_expired tx_full link_down
[ "$(counter a drop.link_down)" = "$before_link" ] || fail "the link went down"
no_other_drops b ttl_expired
! grep -q "refused" a.log b.log || fail "a reload was refused"
[ "$(counter b uplink.rx)" -gt $((runs * 10)) ] || fail "no load"
# Packets that B did not receive were sent before B started, or are still in the ring.
missing=$(($(counter a uplink.tx) - $(counter b uplink.rx)))
echo "$runs rotations: $(counter a uplink.tx) sent, $(counter b uplink.rx) received and opened," \
	"$missing left in the ring at the end"
[ $missing -ge 0 ] && [ $missing -le 1024 ] || fail "$missing packets are lost between A and B"
grep -o 'SA in .*' b.txt | tail -n 1
