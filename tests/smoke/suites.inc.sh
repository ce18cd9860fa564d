# Every suite through both gateways, compared with an independent implementation; sourced after lib.sh.
#
# EG_SUITES=sample: only two of the eight combinations, which together cover every option
# shellcheck shell=bash disable=SC2034,SC2154
world=("$python" "$root/tests/smoke/suites_world.py")

# round_trip OUTER ESN ENCAP MODE: one gateway with one tunnel per suite, so that every burst mixes suites.
# The other implementation opens what espgate seals, and the reverse. Sets $packets to their number.
round_trip() {
	case "${EG_SUITES:-all} $1 $2 $3" in
	all* | "sample 4 true false" | "sample 6 false true") ;;
	*) return ;;
	esac
	packets=$("${world[@]}" . "$espgate" "$@")
	run_gateway a
	expect_drops a
	esp_open --esp wire.pcap --conf a.yaml --input input.pcap --expect-only
	expect_line esp_open.out "$packets packets opened, $packets input packets, 0 differences"

	esp_seal --input input.pcap --conf b.yaml --out sealed.pcap
	run_gateway b
	expect_drops b
	pcap_equal --ttl-delta 2 input.pcap opened.pcap
	expect_line pcap_equal.out "$packets and $packets packets, 0 differences"
	echo "$4 mode, IPv$1, ESN $2, in UDP $3: $packets packets"
}
