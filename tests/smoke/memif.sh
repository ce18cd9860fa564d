#!/bin/bash
# memif: two gateway processes connected by shared memory, at full rate. B opens everything that reaches it,
# and receives nothing else.
#
#   pods-a.pcap, endless -> [A] == memif == [B] -> opened.pcap
. "$(dirname "$0")/lib.sh"
need_driver memif

make_keys
extra='stats: {period: 50ms}'
write_conf a a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" \
	"net_memif0,role=server,id=0,socket-abstract=no,socket=$dir/memif,bsize=10240"
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" \
	"net_memif0,role=client,id=0,socket-abstract=no,socket=$dir/memif,bsize=10240"
on_cpu 0
start a
a=$pid
until_true 10 test -S memif
on_cpu 1
start b
b=$pid
until_true 10 eval '[ "$(counter b pods.tx)" -gt 10000 ]'
expect_line a.log "uplink: link is down" # until B started
expect_line a.log "uplink: link is up"
stop_pair a "$a" b "$b"

# link_down: before B started. tx_full: A may be faster than B.
no_other_drops a not_ip multicast link_local no_neighbor ttl_expired tx_full link_down
no_other_drops b ttl_expired
[ "$(counter b uplink.rx)" -le "$(counter a uplink.tx)" ] || fail "b received more than a sent"
expect b "sa.0x00001001=$(counter b uplink.rx)"
echo "$(counter a uplink.tx) sent, $(counter b uplink.rx) received and opened"
