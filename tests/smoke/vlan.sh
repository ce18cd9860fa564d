#!/bin/bash
# VLAN sub-ports, "on a stick": A has one device, on which VLAN 200 is its pods' network, in clear, and VLAN 100
# is the wire. B has two devices. A switch is between them.
#
#   pods_a            switch                 gw_a               gw_b           pods_b
#   10.244.1.2  <-->  clear, VLAN 200 \
#   fd00:1::2                           trunk <==> trunk [A]
#                     wire_b, VLAN 100 /   <---ESP--->   wire [B] clear  <-->  10.244.2.2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
make_namespaces pods_a switch gw_a gw_b pods_b
for ns in "$ns_switch" "$ns_gw_a" "$ns_gw_b"; do # the kernels stay silent; only the gateways send
	inside "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
done
pods_side 1 "$ns_pods_a" "$ns_switch"
pods_side 2 "$ns_pods_b" "$ns_gw_b"
inside "$ns_switch" ip link add trunk type veth peer name trunk netns "$ns_gw_a" address 02:00:00:00:00:0a
inside "$ns_switch" ip link add wire_b type veth peer name wire netns "$ns_gw_b" address 02:00:00:00:00:0b
for end in "$ns_switch trunk" "$ns_switch wire_b" "$ns_gw_a trunk" "$ns_gw_b wire"; do
	inside "${end% *}" ip link set "${end#* }" up
done
make_keys
nsenter --net="/run/netns/$ns_switch" "$python" "$root/tests/smoke/vlan_switch.py" trunk 100=wire_b 200=clear >switch.out &
pids+=($!)
until_true 10 grep -q ready switch.out

conf_extra='stats: {period: 100ms}'
write_live_conf a
write_live_conf b
cat >a.ports <<-EOF
	ports:
	  trunk: {device: "$(af_packet 0 trunk)", role: encrypted, mtu: 1500}
	  pods: {parent: trunk, vlan: 200, role: clear, mtu: 1400, addresses: [10.244.1.1/24, "fd00:1::1/64"]}
	  uplink: {parent: trunk, vlan: 100, role: encrypted, mac: 02:00:00:00:00:aa,
	           addresses: [192.0.2.1/24, "2001:db8::1/64"]}
EOF
awk '/^ports:/ { while ((getline line <"a.ports") > 0) print line; skip = 1 } /^[a-z_]+:/ && !/^ports:/ { skip = 0 } !skip' a.yaml >a.new
mv a.new a.yaml
nsenter --net="/run/netns/$ns_switch" tcpdump -i trunk -Q in --immediate-mode -U -Z root -s 0 -B 65536 -w trunk.pcap 2>trunk.pcap.log &
capture=$!
pids+=($capture)
until_true 10 grep -q listening trunk.pcap.log
start_live_gateway a
a=$pid
start_live_gateway b
b=$pid

until_true 10 inside "$ns_pods_a" ping -q -n -c 1 -W 1 10.244.2.2
until_true 10 inside "$ns_pods_a" ping -q -n -c 1 -W 1 fd00:2::2
expect_pods_talk
megabytes=5
serve a
serve b
for version in 4 6; do
	download a $version
	download b $version
done
# The gateway answers on each network, with each port's MAC.
inside "$ns_pods_a" ping -q -n -c 2 -i 0.01 -W 2 10.244.1.1 >ping.out || fail "ping of the gateway"
inside "$ns_pods_a" ip neigh show 10.244.1.1 | grep -q 02:00:00:00:00:0a || fail "A's MAC on VLAN 200"

# An unknown VLAN; two tags; untagged on an encrypted port without addresses. (net_af_packet presents 802.1ad tags
# as 802.1Q; the unit tests cover those.)
inside "$ns_switch" "$python" - <<-EOF
	import socket
	sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	sock.bind(("trunk", 0))
	macs = bytes.fromhex("02000000000a" "020000000102")
	ip = bytes.fromhex("4500001c0000400040fd20fa0af401020af40202") + bytes(8)
	for tags in ("8100012c", "810000c8810000c8", ""):
	    sock.send(macs + bytes.fromhex(tags + "0800") + ip)
EOF
until_true 10 eval '[ "$(counter a drop.unknown_vlan)" -ge 2 ] && [ "$(counter a drop.plain_on_encrypted)" -ge 1 ]'
stop a "$a"
stop b "$b"
[ "$(counter a drop.unknown_vlan)" -eq 2 ] || { cat a.txt; fail "not 2 frames of unknown VLANs"; }
[ "$(counter a drop.plain_on_encrypted)" -eq 1 ] || { cat a.txt; fail "not 1 plain packet on trunk"; }
[ "$(counter a trunk.rx)" -eq 3 ] && [ "$(counter a trunk.tx)" -eq 0 ] || { cat a.txt; fail "wrong counters of trunk itself"; }
no_other_drops a multicast link_local tx_full unknown_vlan plain_on_encrypted
no_other_drops b multicast link_local tx_full

stop_capture "$ns_gw_a" trunk trunk.pcap $capture
wire="esp or arp or (icmp6 and (ip6[40] == 135 or ip6[40] == 136))"
count() { tcpdump -n -r trunk.pcap "not ether proto 0x88b5${1:+ and ($1)}" 2>/dev/null | wc -l; }
[ "$(count "vlan 100 and not ($wire)")" -eq 0 ] || fail "in clear on VLAN 100: $(tcpdump -n -r trunk.pcap "vlan 100 and not ($wire)" | head -n 3)"
[ "$(count "vlan 200 and esp")" -eq 0 ] || fail "ESP on VLAN 200"
[ "$(count "vlan 100")" -eq "$(counter a uplink.tx)" ] || fail "VLAN 100 is not what uplink sent"
[ "$(count "vlan 200")" -eq "$(counter a pods.tx)" ] || fail "VLAN 200 is not what pods sent"
[ "$(count "")" -eq "$(count vlan)" ] || fail "untagged frames left"
[ "$(count "vlan 100 and not ether src 02:00:00:00:00:aa")" -eq 0 ] || fail "wrong source MAC on VLAN 100"
echo "trunk: $(count "vlan 100") frames on VLAN 100, $(count "vlan 200") on VLAN 200"
