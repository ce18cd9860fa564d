#!/bin/bash
# Two gateways, each a process of its own, over shared memory (memif) at full rate: B opens everything
# that reaches it, and nothing else comes in.
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
expect_line a.log "uplink: link is down" # until B came
expect_line a.log "uplink: link is up"
stop_pair a "$a" b "$b"

# A had nobody to send to before B came, and may be faster than B.
no_other_drops a not_ip multicast link_local no_neighbor ttl_expired tx_full link_down
no_other_drops b ttl_expired
[ "$(counter b uplink.rx)" -le "$(counter a uplink.tx)" ] || fail "b received more than a sent"
expect b "sa.0x00001001=$(counter b uplink.rx)"
echo "$(counter a uplink.tx) sent, $(counter b uplink.rx) received and opened"
