# Every suite through both gateways, against an independent implementation; sourced behind lib.sh.
#
# EG_SUITES=sample: two of the eight ways, which between them have everything
# shellcheck shell=bash disable=SC2034,SC2154
world=("$python" "$root/tests/smoke/suites_world.py")

# cross OUTER ESN ENCAP MODE: one gateway with a tunnel of each suite, so that every burst mixes them.
# What espgate seals the other implementation opens, and the reverse; $packets: how many.
cross() {
	case "${EG_SUITES:-all} $1 $2 $3" in
	all* | "sample 4 true false" | "sample 6 false true") ;;
	*) return ;;
	esac
	packets=$("${world[@]}" . "$espgate" "$@")
	gateway a
	expect_drops a
	esp_open --esp wire.pcap --conf a.yaml --input input.pcap --expect-only
	expect_line esp_open.out "$packets packets opened, $packets input packets, 0 differences"

	esp_seal --input input.pcap --conf b.yaml --out sealed.pcap
	gateway b
	expect_drops b
	pcap_equal --ttl-delta 2 input.pcap opened.pcap
	expect_line pcap_equal.out "$packets and $packets packets, 0 differences"
	echo "$4 mode, IPv$1, ESN $2, in UDP $3: $packets packets"
}
