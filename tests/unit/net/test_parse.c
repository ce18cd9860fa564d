/* Parser tables of hand-made packets: every reason it can return and every shape it must accept.
 * Bytes are written out; `____` is the IPv4 checksum, filled in by the test. */
#include "net/net_tests.h"

#include "base/ip.h"
#include "common/hex.h"

/* IPv4: total length, fragment field, protocol. IPv6: payload length, next header. */
#define IP4(len, frag, proto) "4500 " len " 0007 " frag " 40 " proto " ____ 0a000001 0a000102 "
#define IP6(len, next)                                                                             \
	"60000000 " len " " next " 40 fd000000000000000000000000000001 "                           \
	"fd000000000000000000000000000002 "

/* Layer 4: whole headers. */
#define TCP  "1234 0050 00000001 00000002 5010 0400 0000 0000 "
#define UDP  "1234 0035 0008 0000 "
#define SCTP "1234 1f90 00000001 00000000 "
#define ICMP "0800 0000 abcd 0001 "
#define ESP  "00001001 00000001 "
#define EXT(next)                                                                                  \
	next " 00 0104 00000000 " /* hop-by-hop, routing or destination options, 8 bytes */
#define AH(next)           next " 04 0000 00000001 00000002 000102030405060708090a0b "
#define FRAG(next, offset) next " 00 " offset " 0000beef "

/* clang-format off */
static const struct ip_case {
	const char *what;
	const char *hex;
	size_t size; /* buffer size, zero-padded after the hex; 0: as written */
	enum eg_verdict drop;
	struct eg_pkt pkt; /* expected, if accepted */
} ip_cases[] = {
	/* IPv4 */
	{"TCP", IP4("0028", "0000", "06") TCP, 0, EG_PASS, {40, 20, 4, 6, 0, 0, 0x1234, 80, 0}},
	{"UDP", IP4("001c", "4000", "11") UDP, 0, EG_PASS, {28, 20, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"SCTP", IP4("0020", "0000", "84") SCTP, 0, EG_PASS, {32, 20, 4, 132, 0, 0, 0x1234, 8080, 0}},
	{"ICMP: id and type/code", IP4("001c", "0000", "01") ICMP,
	 0, EG_PASS, {28, 20, 4, 1, 0, 0, 0xabcd, 0x0800, 0}},
	{"ESP", IP4("001c", "0000", "32") ESP, 0, EG_PASS, {28, 20, 4, 50, 0, 0, 0, 0, 0}},
	{"nothing behind the header", IP4("0014", "0000", "3b"),
	 0, EG_PASS, {20, 20, 4, 59, 0, 0, 0, 0, 0}},
	{"longest", IP4("0200", "0000", "11") UDP,
	 512, EG_PASS, {512, 20, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"DSCP 46, ECT(1)", "45b9 001c 0000 0000 40 11 ____ 0a000001 0a000102 " UDP,
	 0, EG_PASS, {28, 20, 4, 17, 0xb9, 0, 0x1234, 53, 0}},
	{"4 bytes of options", "4600 0020 0000 0000 40 11 ____ 0a000001 0a000102 01010101 " UDP,
	 0, EG_PASS, {32, 24, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"loose source route", "4700 0024 0000 0000 40 11 ____ 0a000001 0a000102 83070400 00000000 " UDP,
	 0, EG_DROP_IP4_SOURCE_ROUTE, {0}},
	{"strict source route after two no-ops",
	 "4700 0024 0000 0000 40 11 ____ 0a000001 0a000102 01018903 04000000 " UDP,
	 0, EG_DROP_IP4_SOURCE_ROUTE, {0}},
	{"source route's type after the end of options",
	 "4700 0024 0000 0000 40 11 ____ 0a000001 0a000102 00830704 00000000 " UDP,
	 0, EG_PASS, {36, 28, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"source route's type inside another option's data",
	 "4700 0024 0000 0000 40 11 ____ 0a000001 0a000102 94048389 01010101 " UDP,
	 0, EG_PASS, {36, 28, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"option of length 0", "4600 0020 0000 0000 40 11 ____ 0a000001 0a000102 94000000 " UDP,
	 0, EG_PASS, {32, 24, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"option of length 1", "4600 0020 0000 0000 40 11 ____ 0a000001 0a000102 94010000 " UDP,
	 0, EG_PASS, {32, 24, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"option beyond the header", "4600 0020 0000 0000 40 11 ____ 0a000001 0a000102 94050000 " UDP,
	 0, EG_PASS, {32, 24, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"option without a length",
	 "4600 0020 0000 0000 40 11 ____ 0a000001 0a000102 01010194 " UDP,
	 0, EG_PASS, {32, 24, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"source route after an option of length 0",
	 "4700 0024 0000 0000 40 11 ____ 0a000001 0a000102 94000083 07040000 " UDP,
	 0, EG_DROP_IP4_SOURCE_ROUTE, {0}},
	{"source route after an option of length 1 and an end of options",
	 "4700 0024 0000 0000 40 11 ____ 0a000001 0a000102 94010083 07040000 " UDP,
	 0, EG_DROP_IP4_SOURCE_ROUTE, {0}},
	{"source route after an option that reaches beyond the header",
	 "4700 0024 0000 0000 40 11 ____ 0a000001 0a000102 94090083 07040000 " UDP,
	 0, EG_DROP_IP4_SOURCE_ROUTE, {0}},
	{"source route in the last three bytes",
	 "4700 0024 0000 0000 40 11 ____ 0a000001 0a000102 01010101 01830304 " UDP,
	 0, EG_DROP_IP4_SOURCE_ROUTE, {0}},
	{"source route without a length",
	 "4600 0020 0000 0000 40 11 ____ 0a000001 0a000102 01010189 " UDP,
	 0, EG_DROP_IP4_SOURCE_ROUTE, {0}},
	{"option to the end of the header", "4600 0020 0000 0000 40 11 ____ 0a000001 0a000102 94040000 " UDP,
	 0, EG_PASS, {32, 24, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"40 bytes of options", "4f00 003c 0000 0000 40 3b ____ 0a000001 0a000102 ",
	 60, EG_PASS, {60, 60, 4, 59, 0, 0, 0, 0, 0}},
	{"first fragment", IP4("001c", "2000", "11") UDP,
	 0, EG_PASS, {28, 20, 4, 17, 0, EG_FRAG_FIRST, 0x1234, 53, 7}},
	{"later fragment: no ports", IP4("001c", "2001", "11") UDP,
	 0, EG_PASS, {28, 20, 4, 17, 0, EG_FRAG_LATER, 0, 0, 7}},
	{"last fragment, shorter than UDP", IP4("0015", "0001", "11") "ff",
	 0, EG_PASS, {21, 20, 4, 17, 0, EG_FRAG_LATER, 0, 0, 7}},
	{"last fragment, up to byte 65,535 of its packet", IP4("0017", "1ffd", "11") "ffffff",
	 0, EG_PASS, {23, 20, 4, 17, 0, EG_FRAG_LATER, 0, 0, 7}},
	{"last fragment, a byte beyond", IP4("0018", "1ffd", "11") "ffffffff",
	 0, EG_DROP_FRAGMENT_OVERSIZE, {0}},
	{"fragment that would wrap to offset 0", IP4("001c", "3fff", "11") UDP,
	 0, EG_DROP_FRAGMENT_OVERSIZE, {0}},
	{"longer header, a byte beyond",
	 "4600 0018 0007 1ffd 40 11 ____ 0a000001 0a000102 01010101 ",
	 0, EG_DROP_FRAGMENT_OVERSIZE, {0}},
	{"padding after the IP length", IP4("001c", "0000", "11") UDP,
	 46, EG_PASS, {28, 20, 4, 17, 0, 0, 0x1234, 53, 0}},
	{"empty", "", 0, EG_DROP_BAD_IP_LENGTH, {0}},
	{"version 0", "0500 001c", 40, EG_DROP_BAD_IP_HEADER, {0}},
	{"version 5", "5500 001c", 40, EG_DROP_BAD_IP_HEADER, {0}},
	{"19 bytes", "4500 0014", 19, EG_DROP_BAD_IP_LENGTH, {0}},
	{"header length 16", "4400 0014 0000 0000 40 3b ____ 0a000001 0a000102",
	 0, EG_DROP_BAD_IP_HEADER, {0}},
	{"header length 0", "4000 0014 0000 0000 40 3b ____ 0a000001 0a000102",
	 0, EG_DROP_BAD_IP_HEADER, {0}},
	{"total length below header", "4600 0017 0000 0000 40 3b ____ 0a000001 0a000102 01010101",
	 0, EG_DROP_BAD_IP_HEADER, {0}},
	{"total length 0", IP4("0000", "0000", "11") UDP, 0, EG_DROP_BAD_IP_HEADER, {0}},
	{"one byte short of its length", IP4("001d", "0000", "11") UDP,
	 0, EG_DROP_BAD_IP_LENGTH, {0}},
	{"header length 60 in 40 bytes", "4f00 003c", 40, EG_DROP_BAD_IP_LENGTH, {0}},
	{"checksum wrong", "4500 001c 0007 0000 40 11 0000 0a000001 0a000102 " UDP,
	 0, EG_DROP_BAD_IP_CHECKSUM, {0}},
	{"checksum correct only without the options",
	 "4600 0018 0000 0000 40 3b 64a9 0a000001 0a000102 01010101",
	 0, EG_DROP_BAD_IP_CHECKSUM, {0}},
	{"TCP of 19 bytes", IP4("0027", "0000", "06") TCP, 39, EG_DROP_SHORT_L4, {0}},
	{"UDP of 7", IP4("001b", "0000", "11") UDP, 27, EG_DROP_SHORT_L4, {0}},
	{"UDP header beyond the IP length", IP4("001b", "0000", "11") UDP,
	 28, EG_DROP_SHORT_L4, {0}},
	{"SCTP of 11", IP4("001f", "0000", "84") SCTP, 31, EG_DROP_SHORT_L4, {0}},
	{"ICMP of 7", IP4("001b", "0000", "01") ICMP, 27, EG_DROP_SHORT_L4, {0}},
	{"tiny first fragment (RFC 1858)", IP4("0024", "2000", "06") TCP,
	 36, EG_DROP_SHORT_L4, {0}},

	/* IPv6 */
	{"TCP", IP6("0014", "06") TCP, 0, EG_PASS, {60, 40, 6, 6, 0, 0, 0x1234, 80, 0}},
	{"UDP", IP6("0008", "11") UDP, 0, EG_PASS, {48, 40, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"SCTP", IP6("000c", "84") SCTP, 0, EG_PASS, {52, 40, 6, 132, 0, 0, 0x1234, 8080, 0}},
	{"ICMPv6", IP6("0008", "3a") "8000 0000 abcd 0001",
	 0, EG_PASS, {48, 40, 6, 58, 0, 0, 0xabcd, 0x8000, 0}},
	{"ESP", IP6("0008", "32") ESP, 0, EG_PASS, {48, 40, 6, 50, 0, 0, 0, 0, 0}},
	{"no next header", IP6("0000", "3b"), 0, EG_PASS, {40, 40, 6, 59, 0, 0, 0, 0, 0}},
	{"traffic class b9",
	 "6b900000 0000 3b 40 fd000000000000000000000000000001 fd000000000000000000000000000002",
	 0, EG_PASS, {40, 40, 6, 59, 0xb9, 0, 0, 0, 0}},
	{"padding after the IP length", IP6("0008", "11") UDP,
	 64, EG_PASS, {48, 40, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"hop-by-hop", IP6("0010", "00") EXT("11") UDP,
	 0, EG_PASS, {56, 48, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"hop-by-hop of 24 bytes",
	 IP6("0020", "00") "11 02 0114 0000000000000000000000000000000000000000" UDP,
	 0, EG_PASS, {72, 64, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"routing", IP6("001c", "2b") EXT("06") TCP, 0, EG_PASS, {68, 48, 6, 6, 0, 0, 0x1234, 80, 0}},
	{"routing, type 0", IP6("001c", "2b") "06 00 0000 00000000 " TCP, 0, EG_DROP_IP6_ROUTING_0, {0}},
	{"routing, type 0, segments left, after options", IP6("0024", "3c") EXT("2b") "06 00 0001 00000000 " TCP,
	 0, EG_DROP_IP6_ROUTING_0, {0}},
	{"routing, type 0, in a first fragment",
	 IP6("0018", "2c") FRAG("2b", "0001") "11 00 0001 00000000 " UDP,
	 0, EG_DROP_IP6_ROUTING_0, {0}},
	{"destination options", IP6("0010", "3c") EXT("11") UDP,
	 0, EG_PASS, {56, 48, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"AH counts words of 4", IP6("0020", "33") AH("11") UDP,
	 0, EG_PASS, {72, 64, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"hop-by-hop, destination, routing, AH, destination",
	 IP6("0040", "00") EXT("3c") EXT("2b") EXT("33") AH("3c") EXT("11") UDP,
	 0, EG_PASS, {104, 96, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"first fragment", IP6("0010", "2c") FRAG("11", "0001") UDP,
	 0, EG_PASS, {56, 48, 6, 17, 0, EG_FRAG_FIRST, 0x1234, 53, 0xbeef}},
	{"first fragment of options", IP6("0018", "2c") FRAG("3c", "0001") EXT("11") UDP,
	 0, EG_PASS, {64, 56, 6, 17, 0, EG_FRAG_FIRST, 0x1234, 53, 0xbeef}},
	{"later fragment", IP6("0010", "2c") FRAG("11", "0009") UDP,
	 0, EG_PASS, {56, 48, 6, 17, 0, EG_FRAG_LATER, 0, 0, 0xbeef}},
	{"last fragment, one byte", IP6("0009", "2c") FRAG("06", "0008") "ff",
	 0, EG_PASS, {49, 48, 6, 6, 0, EG_FRAG_LATER, 0, 0, 0xbeef}},
	{"last fragment, up to byte 65,535 of payload", IP6("000f", "2c") FRAG("06", "fff8") "ffffffffffffff",
	 0, EG_PASS, {55, 48, 6, 6, 0, EG_FRAG_LATER, 0, 0, 0xbeef}},
	{"last fragment, a byte beyond", IP6("0010", "2c") FRAG("06", "fff8") UDP,
	 0, EG_DROP_FRAGMENT_OVERSIZE, {0}},
	{"fragment that is not the last, a byte beyond", IP6("0010", "2c") FRAG("06", "fff9") UDP,
	 0, EG_DROP_FRAGMENT_OVERSIZE, {0}},
	{"options in front of the fragment header count",
	 IP6("0011", "3c") EXT("2c") FRAG("06", "fff8") "ff",
	 0, EG_DROP_FRAGMENT_OVERSIZE, {0}},
	{"later fragment: headers after it are not parsed",
	 IP6("0010", "2c") FRAG("00", "0008") "ffffffffffffffff",
	 0, EG_PASS, {56, 48, 6, 0, 0, EG_FRAG_LATER, 0, 0, 0xbeef}},
	{"atomic fragment (RFC 6946)", IP6("0010", "2c") FRAG("11", "0000") UDP,
	 0, EG_PASS, {56, 48, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"reserved fragment bits are ignored", IP6("0010", "2c") FRAG("11", "0006") UDP,
	 0, EG_PASS, {56, 48, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"8 extension headers",
	 IP6("0048", "00") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c")
	 EXT("3c") EXT("11") UDP, 0, EG_PASS, {112, 104, 6, 17, 0, 0, 0x1234, 53, 0}},
	{"9 extension headers",
	 IP6("0050", "00") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c")
	 EXT("3c") EXT("3c") EXT("11") UDP, 0, EG_DROP_BAD_IP6_EXTENSION, {0}},
	{"39 bytes", "60000000 0000 3b", 39, EG_DROP_BAD_IP_LENGTH, {0}},
	{"one byte short of its payload", IP6("0009", "11") UDP, 0, EG_DROP_BAD_IP_LENGTH, {0}},
	{"longer than 65,535", IP6("ffd8", "11") UDP, 0, EG_DROP_BAD_IP_HEADER, {0}},
	{"hop-by-hop of 7 bytes", IP6("0007", "00") EXT("3b"), 47, EG_DROP_BAD_IP6_EXTENSION, {0}},
	{"hop-by-hop longer than the packet", IP6("0008", "00") "3b 01 0104 00000000",
	 0, EG_DROP_BAD_IP6_EXTENSION, {0}},
	{"hop-by-hop beyond the payload length", IP6("0008", "00") "3b 01 0104 00000000",
	 64, EG_DROP_BAD_IP6_EXTENSION, {0}},
	{"jumbogram (RFC 2675)", IP6("0000", "00") "11 00 c204 00020000" UDP,
	 0, EG_DROP_BAD_IP6_EXTENSION, {0}},
	{"AH longer than the packet", IP6("0017", "33") AH("3b"),
	 63, EG_DROP_BAD_IP6_EXTENSION, {0}},
	{"fragment header of 7", IP6("0007", "2c") FRAG("3b", "0000"),
	 47, EG_DROP_BAD_IP6_EXTENSION, {0}},
	{"UDP of 7", IP6("0007", "11") UDP, 47, EG_DROP_SHORT_L4, {0}},
	{"UDP of 7 after options", IP6("000f", "3c") EXT("11") UDP, 55, EG_DROP_SHORT_L4, {0}},
	{"TCP of 19 in a first fragment", IP6("001b", "2c") FRAG("06", "0001") TCP,
	 67, EG_DROP_SHORT_L4, {0}},
};

static const struct link_case {
	const char *what;
	const char *hex;
	size_t size;
	enum eg_verdict drop;
	uint16_t l3_off;
} link_cases[] = {
#define MACS "020000000002 020000000001 "
	{"IPv4", MACS "0800 45", 0, EG_PASS, 14},
	{"IPv6", MACS "86dd 60", 0, EG_PASS, 14},
	{"VLAN", MACS "8100 0064 0800 45", 0, EG_PASS, 18},
	{"QinQ", MACS "88a8 0001 8100 0064 86dd 60", 0, EG_PASS, 22},
	{"two 802.1Q tags", MACS "8100 0001 8100 0064 0800 45", 0, EG_PASS, 22},
	{"empty", "", 0, EG_DROP_SHORT_FRAME, 0},
	{"13 bytes", MACS, 13, EG_DROP_SHORT_FRAME, 0},
	{"VLAN tag cut", MACS "8100 0064 08", 0, EG_DROP_SHORT_FRAME, 0},
	{"second tag cut", MACS "8100 0064 8100 0001 08", 0, EG_DROP_SHORT_FRAME, 0},
	{"three tags", MACS "8100 0001 8100 0002 8100 0003 0800 45", 0, EG_DROP_NOT_IP, 0},
	{"ARP", MACS "0806 0001", 60, EG_DROP_NOT_IP, 0},
	{"LLDP", MACS "88cc 0207", 60, EG_DROP_NOT_IP, 0},
	{"802.3 length", MACS "0026 4242", 60, EG_DROP_NOT_IP, 0},
	{"type 0", MACS "0000 45", 60, EG_DROP_NOT_IP, 0},
	{"ends after Ethernet", MACS "0800", 0, EG_DROP_BAD_IP_LENGTH, 0},
	{"ends after VLAN", MACS "8100 0064 86dd", 0, EG_DROP_BAD_IP_LENGTH, 0},
	{"IPv4 type, IPv6 inside", MACS "0800 60", 0, EG_DROP_BAD_IP_HEADER, 0},
	{"IPv6 type, IPv4 inside", MACS "86dd 45", 0, EG_DROP_BAD_IP_HEADER, 0},
	{"IPv4 type, version 0", MACS "8100 0064 0800 00", 0, EG_DROP_BAD_IP_HEADER, 0},
};

static const struct address_case {
	const char *src, *dst;
	enum eg_verdict drop;
} address_cases[] = {
	{"10.0.0.1", "10.0.0.2", EG_PASS},
	{"1.0.0.0", "223.255.255.255", EG_PASS},
	{"169.253.255.255", "169.255.0.0", EG_PASS},
	{"126.0.0.1", "128.0.0.1", EG_PASS},
	{"10.0.0.1", "224.0.0.1", EG_DROP_MULTICAST},
	{"10.0.0.1", "239.255.255.255", EG_DROP_MULTICAST},
	{"10.0.0.1", "240.0.0.1", EG_DROP_MULTICAST},
	{"10.0.0.1", "255.255.255.255", EG_DROP_MULTICAST},
	{"0.0.0.0", "10.0.0.1", EG_DROP_MARTIAN},
	{"127.0.0.1", "10.0.0.1", EG_DROP_MARTIAN},
	{"224.0.0.1", "10.0.0.1", EG_DROP_MARTIAN},
	{"255.255.255.255", "10.0.0.1", EG_DROP_MARTIAN},
	{"10.0.0.1", "0.1.2.3", EG_DROP_MARTIAN},
	{"10.0.0.1", "127.255.255.255", EG_DROP_MARTIAN},
	{"169.254.0.1", "10.0.0.1", EG_DROP_LINK_LOCAL},
	{"10.0.0.1", "169.254.169.254", EG_DROP_LINK_LOCAL},
	{"fd00::1", "fd00::2", EG_PASS},
	{"2001:db8::1", "::2", EG_PASS},
	{"::1:0:0:1", "64:ff9b::1", EG_PASS},
	{"fe00::1", "fec0::1", EG_PASS},
	{"fd00::1", "ff02::1", EG_DROP_MULTICAST},
	{"fd00::1", "ff0e::1", EG_DROP_MULTICAST},
	{"::", "fd00::1", EG_DROP_MARTIAN},
	{"::1", "fd00::1", EG_DROP_MARTIAN},
	{"fd00::1", "::", EG_DROP_MARTIAN},
	{"fd00::1", "::1", EG_DROP_MARTIAN},
	{"::ffff:10.0.0.1", "fd00::1", EG_DROP_MARTIAN},
	{"fd00::1", "::ffff:10.0.0.1", EG_DROP_MARTIAN},
	{"ff02::1", "fd00::1", EG_DROP_MARTIAN},
	{"fe80::1", "fd00::1", EG_DROP_LINK_LOCAL},
	{"febf::1", "fd00::1", EG_DROP_LINK_LOCAL},
	{"fd00::1", "fe80::1", EG_DROP_LINK_LOCAL},
};
/* clang-format on */

uint8_t *net_exact_copy(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	return copy;
}

void net_fix_checksum(uint8_t *packet, size_t n)
{
	unsigned ihl = n ? (packet[0] & 15u) * 4 : 0;
	uint16_t check;

	if (!n || packet[0] >> 4 != 4 || n < 20 || n < ihl)
		return;
	packet[10] = packet[11] = 0;
	check = net_naive_checksum(packet, ihl < 20 ? 20 : ihl);
	packet[10] = (uint8_t)(check >> 8);
	packet[11] = (uint8_t)check;
}

static struct net_packet make(const char *hex, size_t size)
{
	struct net_packet packet = {0};
	size_t written = hex_bytes(hex, packet.bytes, sizeof(packet.bytes));

	packet.n = size ? size : written;
	assert_true(packet.n <= NET_PACKET_MAX);
	memset(packet.bytes + packet.n, 0, sizeof(packet.bytes) - packet.n);
	if (strchr(hex, '_'))
		net_fix_checksum(packet.bytes, packet.n);
	return packet;
}

size_t net_valid_count(void)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(ip_cases); i++)
		n += ip_cases[i].drop == EG_PASS;
	return n;
}

struct net_packet net_valid(size_t index)
{
	for (size_t i = 0; i < COUNT(ip_cases); i++) {
		if (ip_cases[i].drop == EG_PASS && !index--)
			return make(ip_cases[i].hex, ip_cases[i].size);
	}
	fail();
	return (struct net_packet){0};
}

static void assert_drop(enum eg_verdict got, enum eg_verdict want, size_t row, const char *what)
{
	if (got != want)
		fail_msg("row %zu, %s: %s, not %s", row, what, eg_drop_name(got),
			 eg_drop_name(want));
}

static void test_ip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ip_cases); i++) {
		const struct ip_case *c = &ip_cases[i];
		struct net_packet packet = make(c->hex, c->size);
		uint8_t *exact = net_exact_copy(packet.bytes, packet.n);
		struct eg_pkt pkt;

		assert_drop(eg_parse_ip(exact, (uint32_t)packet.n, &pkt), c->drop, i, c->what);
		if (c->drop == EG_PASS && memcmp(&pkt, &c->pkt, sizeof(pkt)))
			fail_msg("row %zu, IPv%u %s: len %u l4_off %u proto %u tos %u frag %u "
				 "sport %u dport %u",
				 i, pkt.version, c->what, pkt.len, pkt.l4_off, pkt.proto, pkt.tos,
				 pkt.frag, pkt.sport, pkt.dport);
		free(exact);
	}
}

static void test_link(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(link_cases); i++) {
		const struct link_case *c = &link_cases[i];
		struct net_packet frame = make(c->hex, c->size);
		uint8_t *exact = net_exact_copy(frame.bytes, frame.n);
		uint16_t off = 0;

		assert_drop(eg_parse_link(exact, (uint32_t)frame.n, &off), c->drop, i, c->what);
		assert_int_equal(off, c->l3_off);
		free(exact);
	}
}

/* A truncated frame is never accepted: it needs the first byte of the IP header. */
static void test_link_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(link_cases); i++) {
		struct net_packet frame = make(link_cases[i].hex, link_cases[i].size);

		for (size_t n = 0; link_cases[i].drop == EG_PASS && n < frame.n; n++) {
			uint8_t *exact = net_exact_copy(frame.bytes, n);
			uint16_t off;

			assert_int_not_equal(eg_parse_link(exact, (uint32_t)n, &off), EG_PASS);
			free(exact);
		}
	}
}

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(address_cases); i++) {
		const struct address_case *c = &address_cases[i];
		struct eg_ip src, dst;
		struct eg_pkt pkt = {0};
		uint8_t header[40] = {0};
		size_t at, n;

		assert_int_equal(eg_ip_parse(c->src, &src), 0);
		assert_int_equal(eg_ip_parse(c->dst, &dst), 0);
		pkt.version = src.family;
		n = src.family == 4 ? 4 : 16;
		at = src.family == 4 ? 12 : 8;
		memcpy(header + at, src.bytes, n);
		memcpy(header + at + n, dst.bytes, n);
		assert_drop(eg_parse_addresses(header, &pkt), c->drop, i, c->src);
	}
}

/* The tables above cover every reason that the functions can return. */
static void test_every_reason(void **state)
{
	static const enum eg_verdict of_ip[] = {EG_DROP_BAD_IP_LENGTH, EG_DROP_BAD_IP_HEADER,
						EG_DROP_BAD_IP_CHECKSUM, EG_DROP_BAD_IP6_EXTENSION,
						EG_DROP_SHORT_L4};
	static const enum eg_verdict of_link[] = {EG_DROP_SHORT_FRAME, EG_DROP_NOT_IP,
						  EG_DROP_BAD_IP_LENGTH, EG_DROP_BAD_IP_HEADER};
	static const enum eg_verdict of_addresses[] = {EG_DROP_MULTICAST, EG_DROP_MARTIAN,
						       EG_DROP_LINK_LOCAL};
	unsigned ip[EG_DROP_COUNT] = {0}, link[EG_DROP_COUNT] = {0}, addresses[EG_DROP_COUNT] = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(ip_cases); i++)
		ip[ip_cases[i].drop]++;
	for (size_t i = 0; i < COUNT(link_cases); i++)
		link[link_cases[i].drop]++;
	for (size_t i = 0; i < COUNT(address_cases); i++)
		addresses[address_cases[i].drop]++;
	for (size_t i = 0; i < COUNT(of_ip); i++)
		assert_true(ip[of_ip[i]]);
	for (size_t i = 0; i < COUNT(of_link); i++)
		assert_true(link[of_link[i]]);
	for (size_t i = 0; i < COUNT(of_addresses); i++)
		assert_true(addresses[of_addresses[i]]);
}

int run_parse_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip),           cmocka_unit_test(test_link),
		cmocka_unit_test(test_link_cut),     cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_every_reason),
	};

	return cmocka_run_group_tests_name("net parse", tests, NULL, NULL);
}
