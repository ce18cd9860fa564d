#!/bin/bash
# net_null: packets of zeros, at full rate on both sides, are dropped as not_ip, and nothing is sent.
#
#   net_null0 -> [A] <- net_null1
. "$(dirname "$0")/lib.sh"
need_driver null

make_keys
extra='stats: {period: 50ms}'
write_conf a a net_null0 "net_null1,size=1400"
start a
until_true 10 eval '[ "$(counter a rx)" -gt 100000 ]'
stop a "$pid"
expect_drops a not_ip="$(counter a rx)"
expect a tx=0
