#!/bin/bash
# A wrong command line prints the usage and exits with status 2; a correct one that cannot be carried out exits
# with status 1; EAL arguments after -- override those of the configuration.
. "$(dirname "$0")/lib.sh"

make_keys
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap")"

expect_refused() { # STATUS TEXT ARGUMENTS...: TEXT is on stderr, nothing on stdout
	local status=$1 text=$2
	shift 2
	expect_status "$status" "$espgate" "$@" >out 2>err
	expect_line err "$text"
	[ ! -s out ] || fail "espgate $*: output on stdout"
}

expect_refused 2 "espgate run -c FILE"
expect_refused 2 "espgate run -c FILE" fly
expect_refused 2 "usage: espgate run" run
expect_refused 2 "usage: espgate run" run -c
expect_refused 2 "usage: espgate run" run -c a.yaml --no-huge
expect_refused 2 "usage: espgate run" run -c a.yaml no-dashes
expect_refused 2 "--exit-when-idle takes a time" run -c a.yaml --exit-when-idle 5
expect_refused 2 "--exit-when-idle takes a time" run -c a.yaml --exit-when-idle never
expect_refused 2 "usage: espgate check" check
expect_refused 2 "usage: espgate check" check a.yaml
expect_refused 2 "usage: espgate check" check -c a.yaml b.yaml
expect_refused 2 "usage: espgate check" check -x
expect_refused 2 "usage: espgate keygen" keygen
expect_refused 2 'unknown suite "aes-gcm-256" (did you mean "aes256gcm16"?)' keygen aes-gcm-256 new.key
[ ! -e new.key ] || fail "keygen left a file"

expect_refused 1 "missing.yaml" check -c missing.yaml
expect_refused 1 "missing.yaml" run -c missing.yaml
expect_refused 1 "keys/a-to-b-1.key" keygen aes256gcm16 keys/a-to-b-1.key
expect_refused 1 "no/such/folder.key" keygen aes256gcm16 no/such/folder.key
expect_status 1 "$espgate" run -c a.yaml -- --no-such-option >out 2>err # DPDK's usage on stdout
expect_line err "DPDK does not start"
sed 's/net_pcap0/net_nonsense0/' a.yaml >device.yaml
expect_refused 1 "net_nonsense0" run -c device.yaml -- "${eal_everywhere[@]}"
sed 's/,rx_pcap=[^"]*pods-a/,rx_pcap=missing/' a.yaml >capture.yaml
expect_refused 1 "DPDK" run -c capture.yaml -- "${eal_everywhere[@]}"

for arguments in --help --version {run,check,explain,replay,keygen}\ {--help,--version} "check -c a.yaml --help" \
	"run --version -c missing.yaml"; do
	expect_status 0 "$espgate" $arguments >out 2>err
	[ -s out ] && [ ! -s err ] || fail "espgate $arguments"
	[[ $arguments != *--version* ]] || expect_line out "espgate 0."
	[[ $arguments != *\ --help ]] || expect_line out "usage: espgate ${arguments%% *} "
done

# What this machine lacks: check and run name each missing thing, all at once.
cat >host.yaml <<-'END'
	version: 1
	ports:
	  a: {device: "net_af_packet0,iface=eg-none", role: clear}
	  b: {device: "net_pcap0,rx_pcap=missing.pcap", role: clear}
	  c: {device: "net_pcap1,rx_pcap=here.pcap,tx_pcap=no/such/out.pcap", role: clear}
	  d: {device: "ffff:ff:1f.7", role: clear}
	workers: {lcores: "126,127"}
	state_dir: gone
END
cp "$data/empty.pcap" here.pcap
devices=('host.yaml:3:7: ports.a.device: no interface "eg-none" here (ip link lists them)'
	"host.yaml:4:7: ports.b.device: missing.pcap: No such file or directory (DPDK's net_pcap0 must read it)"
	"host.yaml:5:7: ports.c.device: no/such/out.pcap: No such file or directory (DPDK's net_pcap1 must write it)"
	'host.yaml:6:7: ports.d.device: no PCI device ffff:ff:1f.7 here (lspci -D lists them)')
expect_status 1 "$espgate" check -c host.yaml >out 2>err
diff <(printf '%s\n' "${devices[@]}" \
	"host.yaml:7:11: workers.lcores: lcore 126 is not a CPU that this process may use (it may use $(nproc) CPUs)" \
	"host.yaml:7:11: workers.lcores: lcore 127 is not a CPU that this process may use (it may use $(nproc) CPUs)" \
	"host.yaml:8:1: state_dir: gone does not exist: mkdir -m 700 it for new keys; if it was lost, the keys that used it must be replaced (espgate keygen)" \
	"host.yaml: 7 errors") err || fail "check: other errors (< expected, > printed)"
expect_status 1 "$espgate" run -c host.yaml >out 2>err
diff <(printf '%s\n' "${devices[@]}") err || fail "run: other errors (< expected, > printed)"
sed -i '/^state_dir/d' host.yaml
expect_status 0 "$espgate" check --offline -c host.yaml >out 2>err
sed -e '/^  [bcd]:/d' -e '/^workers/d' host.yaml >one.yaml
expect_status 1 "$espgate" check -c one.yaml >out 2>err
grep -qx 'one.yaml: 1 error' err || fail "1 error"

# A user without the device's capabilities: check warns (another user may call run), run refuses.
if command -v setpriv >/dev/null; then
	sed 's/eg-none/lo/' one.yaml >lo.yaml
	lacks=("lo.yaml:3:7: "{warning:\ ,}"ports.a.device: net_af_packet0 needs the capability "{CAP_NET_RAW,CAP_NET_ADMIN}", which this user lacks")
	expect_status 0 setpriv --bounding-set=-net_raw,-net_admin "$espgate" check -c lo.yaml >out 2>err
	diff <(printf '%s\n' "${lacks[@]:0:2}") <(grep capability err) || fail "check: other warnings"
	expect_status 1 setpriv --bounding-set=-net_raw,-net_admin "$espgate" run -c lo.yaml >out 2>err
	diff <(printf '%s\n' "${lacks[@]:2}") <(grep capability err) || fail "run: other errors"
fi

# A key file or state directory that belongs to another user is refused.
if [ "$(id -u)" -eq 0 ]; then
	mkdir -m 700 owned
	sed 's/^state_dir: .*//' a.yaml >owned.yaml
	echo "state_dir: owned" >>owned.yaml
	expect_status 0 "$espgate" check -c owned.yaml >out 2>err
	chown 12345 owned keys/a-to-b-1.key
	expect_status 1 "$espgate" check -c owned.yaml >out 2>err
	expect_line err "state_dir: owned belongs to user 12345, who can change its contents"
	expect_line err "peers.other.sas[0].key_file: keys/a-to-b-1.key: belongs to user 12345, who can read and replace it"
	expect_line err "owned.yaml: 2 errors"
	chown 0 owned keys/a-to-b-1.key
fi

# --policy needs neither keys nor state, and works on any machine.
cp -r "$root"/conf/policy/{policies,inventory} .
sed -e '/^state_dir/d' a.yaml >policy.yaml
printf '%s\n' 'state_dir: gone' 'policy: {dirs: [policies], inventory: [inventory]}' >>policy.yaml
mv keys kept
expect_status 1 "$espgate" check -c policy.yaml >out 2>err
expect_line err "peers.other.sas[0].key_file: "
expect_status 0 "$espgate" check --policy -c policy.yaml >out 2>err
expect_line out "policies with "
mv kept keys

last=$(($(nproc) - 1))
extra="eal: {args: [\"--lcores\", \"0@0,1@$last\", \"--main-lcore=0\"]}"
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap")"
run_gateway a
expect_line a.log ": 1 workers, "
eal=("--lcores=7@0,8@0,9@$last,10@0" --main-lcore 7)
run_gateway a
expect_line a.log ": 3 workers, "
