#!/bin/bash
# net_tap: ping and UDP between pods pass through two gateways, connected to their pods by TUN/TAP devices and to
# each other by shared memory (memif). The device verifies IPv4 checksums, and link changes are noticed.
#
#   pods_a                                     pods_b
#   10.244.1.2 <-> tap [A] == memif == [B] tap <-> 10.244.2.2
. "$(dirname "$0")/lib.sh"
need_driver tap
need_driver memif
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
make_namespaces pods_a pods_b

make_keys
promiscuous=false
# The gateway's end of a tap has the MAC that its device argument names, the kernel's end another.
tap_gateway() { # NAME NUMBER NAMESPACE OTHER_UPLINK_MAC MEMIF_ROLE
	local n=$2 other=$((3 - $2))
	pods_mac=02:00:00:00:0$n:02 uplink_mac=$4
	write_conf "$1" "$1" "net_tap0,iface=pods,mac=02:00:00:00:0$n:01" \
		"net_memif0,role=$5,id=0,socket-abstract=no,socket=$dir/memif,mac=02:00:00:00:00:0$n"
	sed -i 's/mtu: 9000/mtu: 1500/; s/\.254/.2/; s/::fe"/::2"/' "$1.yaml"
	within=(nsenter --net="/run/netns/$3")
	on_cpu "$n"
	start "$1"
	expect_line "$1.log" " workers, "
	inside "$3" ip link set pods address 02:00:00:00:0$n:02
	inside "$3" ip link set pods up mtu 1400
	inside "$3" ip addr add 10.244.$n.2/24 dev pods
	inside "$3" ip addr add fd00:$n::2/64 dev pods
	inside "$3" ip neigh add 10.244.$n.1 lladdr 02:00:00:00:0$n:01 dev pods
	inside "$3" ip neigh add fd00:$n::1 lladdr 02:00:00:00:0$n:01 dev pods
	inside "$3" ip route add 10.244.$other.0/24 via 10.244.$n.1
	inside "$3" ip route add fd00:$other::/64 via fd00:$n::1
}
tap_gateway a 1 "$ns_pods_a" 02:00:00:00:00:02 server
a=$pid
tap_gateway b 2 "$ns_pods_b" 02:00:00:00:00:01 client
b=$pid

expect_pods_talk

# The device verifies IPv4 header checksums; wrong ones are dropped as bad_ip_checksum.
expect_line a.log "pods: net_tap0,iface=pods,mac=02:00:00:00:01:01, 1 receive and 1 transmit queues, mtu 1500"
expect_line a.log ", IPv4 checksums by the device"
inside "$ns_pods_a" "$python" - <<-EOF
	import socket
	sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	sock.bind(("pods", 0))
	link = bytes.fromhex("020000000101" "020000000102" "0800")
	for checksum in ("0000", "beef"):
	    sock.send(link + bytes.fromhex("4500001c0000400040fd" + checksum + "0af401020af40202") + bytes(8))
EOF

# The gateway notices link changes of the kernel interface.
inside "$ns_pods_a" ip link set pods down
until_true 10 grep -q " pods: link is down" a.log
inside "$ns_pods_a" ip link set pods up
until_true 10 grep -q " pods: link is up" a.log

stop_pair a "$a" b "$b"
expect a drop.bad_ip_checksum=2
no_other_drops a bad_ip_checksum multicast link_local not_our_mac tx_full link_down
no_other_drops b multicast link_local not_our_mac link_down # A stops first
