#!/bin/bash
# A wrong command line says how it should be and ends with status 2; what is asked properly but cannot
# be done ends with 1; EAL arguments behind -- win over those of the configuration.
. "$(dirname "$0")/lib.sh"

make_keys
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap")"

refused() { # STATUS WORDS ARGUMENTS...: WORDS stand on stderr, nothing on stdout
	local status=$1 words=$2
	shift 2
	expect_status "$status" "$espgate" "$@" >out 2>err
	expect_line err "$words"
	[ ! -s out ] || fail "espgate $*: speaks on stdout"
}

refused 2 "espgate run -c FILE"
refused 2 "espgate run -c FILE" fly
refused 2 "usage: espgate run" run
refused 2 "usage: espgate run" run -c
refused 2 "usage: espgate run" run -c a.yaml --no-huge
refused 2 "usage: espgate run" run -c a.yaml no-dashes
refused 2 "--exit-when-idle takes a time" run -c a.yaml --exit-when-idle 5
refused 2 "--exit-when-idle takes a time" run -c a.yaml --exit-when-idle never
refused 2 "usage: espgate check" check
refused 2 "usage: espgate check" check a.yaml
refused 2 "usage: espgate check" check -c a.yaml b.yaml
refused 2 "usage: espgate check" check -x
refused 2 "usage: espgate keygen" keygen
refused 2 'unknown suite "aes-gcm-256" (did you mean "aes256gcm16"?)' keygen aes-gcm-256 new.key
[ ! -e new.key ] || fail "keygen left a file"

refused 1 "missing.yaml" check -c missing.yaml
refused 1 "missing.yaml" run -c missing.yaml
refused 1 "keys/a-to-b-1.key" keygen aes256gcm16 keys/a-to-b-1.key
refused 1 "no/such/folder.key" keygen aes256gcm16 no/such/folder.key
expect_status 1 "$espgate" run -c a.yaml -- --no-such-option >out 2>err # DPDK's usage on stdout
expect_line err "DPDK does not start"
sed 's/net_pcap0/net_nonsense0/' a.yaml >device.yaml
refused 1 "net_nonsense0" run -c device.yaml -- "${eal_everywhere[@]}"
sed 's/,rx_pcap=[^"]*pods-a/,rx_pcap=missing/' a.yaml >capture.yaml
refused 1 "DPDK" run -c capture.yaml -- "${eal_everywhere[@]}"

for words in --help --version; do
	expect_status 0 "$espgate" "$words" >out 2>err
	[ -s out ] && [ ! -s err ] || fail "espgate $words"
done

last=$(($(nproc) - 1))
extra="eal: {args: [\"--lcores\", \"0@0,1@$last\", \"--main-lcore=0\"]}"
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap")"
gateway a
expect_line a.log ": 1 workers, "
eal=("--lcores=7@0,8@0,9@$last,10@0" --main-lcore 7)
gateway a
expect_line a.log ": 3 workers, "
