#!/bin/bash
# Keys and SPIs are replaced by SIGHUP under load, again and again, in both gateways, which load at
# different moments: no packet is lost, and none is out of the window.
#
#   pods-a.pcap, endless -> [A] == memif == [B] -> nowhere
#
# EG_RUNS: how often (default 20).
. "$(dirname "$0")/lib.sh"
need_driver memif
runs=${EG_RUNS:-20}
# Both gateways are told to load at once; a new SA sends so long after its gateway loaded it. Long enough
# for the other one to load, beside a build, too.
delay_ms=${EG_DELAY_MS:-1500}

memif="role=%s,id=0,socket-abstract=no,socket=$dir/memif,bsize=10240"
mkdir -m 700 state-a state-b
generation=0

# New keys under new SPIs. The files are replaced as a careful operator does it: whole.
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

loaded() { # NAME COUNT: so many configurations came into force
	[ "$(grep -c 'configuration .* in force' "$1.log")" -ge "$2" ]
}

loaded_at() { # NAME: when its last configuration came into force, in ms
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
next_block a
unlinked=$(counter a drop.link_down) # before B came

for ((run = 1; run <= runs; run++)); do
	make_generation
	# Now this one first, now that one, with more or less time between.
	first=$((run % 2 ? a : b)) second=$((run % 2 ? b : a))
	kill -HUP $first
	sleep 0.$(printf %03d $((RANDOM % (delay_ms / 10))))
	kill -HUP $second
	until_true 10 loaded a $((generation))
	until_true 10 loaded b $((generation))
	[ $(($(loaded_at b) - $(loaded_at a))) -lt $delay_ms ] ||
		fail "B loaded more than $delay_ms ms after A: this machine wants a longer EG_DELAY_MS"
	until_true 10 eval "[ \"\$(counter a sa.$(printf 0x%08x 4097$generation))\" -gt 0 ]" # A sends by the new one
	rm -f keys/*-$((generation - 1)).key
done
stop_pair a "$a" b "$b"

# A has its full rate, and B may be slower: then frames wait in A, and are lost there by name. What is
# lost for want of an SA, or on one, has other names.
no_other_drops a not_ip multicast link_local no_neighbor ttl_expired tx_full link_down
[ "$(counter a drop.link_down)" = "$unlinked" ] || fail "the link went down"
no_other_drops b ttl_expired
! grep -q "refused" a.log b.log || fail "a reload was refused"
[ "$(counter b uplink.rx)" -gt $((runs * 10)) ] || fail "no load"
# What A sent and B did not receive was sent before B came, or is still in the ring.
missing=$(($(counter a uplink.tx) - $(counter b uplink.rx)))
echo "$runs rotations: $(counter a uplink.tx) sent, $(counter b uplink.rx) received and opened," \
	"$missing left in the link at the end"
[ $missing -ge 0 ] && [ $missing -le 1024 ] || fail "$missing packets are lost between A and B"
grep -o 'SA in .*' b.txt | tail -n 1
