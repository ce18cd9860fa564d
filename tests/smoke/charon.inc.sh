# Two strongSwan charons in network namespaces; sourced after lib.sh. The scenario writes a.strongswan,
# a.swanctl, b.strongswan and b.swanctl first.
# shellcheck shell=bash disable=SC2154
charon=/usr/lib/ipsec/charon
[ -x $charon ] || skip "strongSwan's charon is not installed"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
need swanctl unshare nsenter

swan() { # a|b SWANCTL_ARGUMENTS...
	local name=$1 pid=charon_$1
	shift
	nsenter -t "${!pid}" -m -n env STRONGSWAN_CONF="$dir/$name.strongswan" swanctl "$@" >swanctl.out 2>&1
}

# start_charons NAMESPACE LOG NAMESPACE LOG: start a and b and load their connections. Each has a /run of its
# own for its pid file and socket.
start_charons() {
	local name ns
	cat >start_charon <<-EOF
		#!/bin/bash
		mount -t tmpfs tmpfs /run
		STRONGSWAN_CONF=$dir/\$1.strongswan exec $charon
	EOF
	chmod +x start_charon
	for name in a b; do
		ns=ns_$1
		ip netns exec "${!ns}" unshare -m ./start_charon $name >"$name.out" 2>&1 &
		pids+=($!)
		declare -g "charon_$name=$!"
		until_true 20 grep -q 'spawning .* worker threads' "$2"
		until_true 20 swan $name --load-all --file "$dir/$name.swanctl"
		shift 2
	done
}
