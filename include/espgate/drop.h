/* Every reason for which espgate drops a packet: one table. The name is the counter, the trace
 * label, the metric and the log field; it is part of the interface and never changes its meaning.
 *
 * EG_DROPS(X) calls X(SYMBOL, name, text) once a reason, in the order of the packet's way. */
#ifndef ESPGATE_DROP_H
#define ESPGATE_DROP_H

/* clang-format off */
#define EG_DROPS(X) \
	X(NO_SNAPSHOT, no_snapshot, "no valid configuration is in force yet") \
	/* rx, parse: the frame, and again the packet found inside ESP */ \
	X(MULTI_SEGMENT, multi_segment, "frame of several buffers that fits no single one, or does not add up") \
	X(NO_BUFFER, no_buffer, "no buffer was free to put the pieces of a frame together in, or to cut a packet into") \
	X(UNKNOWN_VLAN, unknown_vlan, "tagged for a VLAN of which the device has no port, or tagged twice") \
	X(SHORT_FRAME, short_frame, "frame ends inside its Ethernet or VLAN header") \
	X(NOT_OUR_MAC, not_our_mac, "frame for another station (the port is not promiscuous)") \
	X(NOT_IP, not_ip, "neither IPv4 nor IPv6 (LLDP and the like; ARP on a port without addresses)") \
	X(BAD_IP_HEADER, bad_ip_header, "IP version, header length or total length is impossible") \
	X(BAD_IP_LENGTH, bad_ip_length, "packet ends before its IP length (truncated)") \
	X(BAD_IP_CHECKSUM, bad_ip_checksum, "IPv4 header checksum is wrong") \
	X(BAD_IP6_EXTENSION, bad_ip6_extension, "IPv6 extension headers are truncated or too many") \
	X(FRAGMENT_OVERSIZE, fragment_oversize, "fragment reaches beyond the 65,535 bytes of a packet (RFC 791 s3.1)") \
	X(IP4_SOURCE_ROUTE, ip4_source_route, \
	  "IPv4 option that names the route (LSRR, SSRR): no gateway's business any more (RFC 7126 s4.3, s4.4)") \
	X(IP6_ROUTING_0, ip6_routing_0, "IPv6 routing header of type 0, which nobody may follow (RFC 5095 s3)") \
	X(SHORT_L4, short_l4, "TCP, UDP, SCTP or ICMP header is truncated") \
	X(MULTICAST, multicast, "multicast or broadcast destination is not routed") \
	X(MARTIAN, martian, "source or destination address may not appear on a wire") \
	X(LINK_LOCAL, link_local, "link-local address is not routed") \
	/* neighbours: what came of ARP and ND, and packets that waited for them */ \
	X(BAD_DISCOVERY, bad_discovery, "ARP or ND message that breaks its rules (RFC 826, RFC 4861 s7.1)") \
	X(DISCOVERY_RATE, discovery_rate, "more ARP and ND messages than are listened to") \
	X(NEIGHBOR_CLAIM, neighbor_claim, "somebody says that a fresh neighbor's address is his: not believed") \
	X(DUPLICATE_ADDRESS, duplicate_address, "somebody says that an address of the gateway is his") \
	X(NEIGHBOR_PENDING_FULL, neighbor_pending_full, "too many packets wait for neighbors already") \
	X(NEIGHBOR_TABLE_FULL, neighbor_table_full, "no room for another neighbor") \
	X(NEIGHBOR_FAILED, neighbor_failed, "nobody answers for the next hop's address") \
	/* sa_in */ \
	X(PLAIN_ON_ENCRYPTED, plain_on_encrypted, "plain packet on an encrypted port") \
	X(UDP_KEEPALIVE, udp_keepalive, "keepalive of UDP encapsulation, ignored (RFC 3948 s2.3)") \
	X(UDP_NON_ESP, udp_non_esp, "non-ESP marker on UDP port 4500, which IKE has (RFC 3948 s2.2)") \
	X(ESP_NOT_LOCAL, esp_not_local, "ESP for an address that is no tunnel's local address") \
	X(ESP_FRAGMENT, esp_fragment, "fragment of ESP from nobody that is a peer (RFC 4303 s3.4.1)") \
	X(PATH_MTU_BAD, path_mtu_bad, "ICMP too big whose checksum is wrong, or that tells too little: 576, over IPv6 1280") \
	X(PATH_MTU_FORGED, path_mtu_forged, "ICMP too big about a packet that no tunnel sent lately") \
	X(PATH_MTU_RATE, path_mtu_rate, "more ICMP too big than is listened to") \
	X(PATH_MTU_IGNORED, path_mtu_ignored, "ICMP too big about a peer with path_mtu: ignore") \
	X(REASSEMBLY_BAD, reassembly_bad, "fragment of impossible place or size, or too small to be honest") \
	X(REASSEMBLY_OVERLAP, reassembly_overlap, "fragments of one packet overlap (RFC 5722 s4)") \
	X(REASSEMBLY_DUPLICATE, reassembly_duplicate, "fragment that was received before") \
	X(REASSEMBLY_SIZE, reassembly_size, "fragments of a packet that has too many of them, or over IPv6 more than 65,535 bytes") \
	X(REASSEMBLY_FULL, reassembly_full, "fragments that gave way to those of a newer packet") \
	X(REASSEMBLY_TIMEOUT, reassembly_timeout, "fragments of a packet that was not whole in time") \
	X(ESP_SHORT, esp_short, "too short or misaligned for its suite") \
	X(ESP_UNKNOWN_SPI, esp_unknown_spi, "no inbound SA has this SPI (RFC 4303 s3.4.2)") \
	X(ESP_WRONG_PEER, esp_wrong_peer, "outer addresses are not those of the SA's peer") \
	X(SA_EXPIRED, sa_expired, "SA is past its hard lifetime (RFC 4301 s4.4.2.1)") \
	X(ESP_WRONG_ENCAP, esp_wrong_encap, "in UDP or not, other than its peer's udp_encap says") \
	X(ESP_REPLAY_OLD, esp_replay_old, "sequence number is left of the anti-replay window") \
	X(ESP_REPLAY_SEEN, esp_replay_seen, "sequence number was received before, or is 0") \
	X(HANDOFF_FULL, handoff_full, "ring to the worker that owns the SA is full") \
	/* esp_in, verify */ \
	X(ESP_AUTH, esp_auth, "ICV does not match (RFC 4303 s3.4.4)") \
	X(ESP_PADDING, esp_padding, "padding is not 1, 2, 3, ... or longer than the packet") \
	X(ESP_DUMMY, esp_dummy, "dummy packet, discarded silently (RFC 4303 s2.6)") \
	X(ESP_NEXT_HEADER, esp_next_header, "next header is neither IPv4 nor IPv6 in tunnel mode") \
	X(ESP_ECN, esp_ecn, "congestion mark on a tunnel whose inner packet has no ECN (RFC 6040)") \
	X(INNER_SOURCE, inner_source, "inner source is not in the peer's subnets (RFC 4301 s5.2)") \
	X(PLAIN_FROM_PEER, plain_from_peer, "plain packet with a source in a peer's subnets (RFC 4301 s5.2)") \
	X(OWN_SOURCE, own_source, "plain packet whose source says that it is the gateway's own") \
	X(SOURCE_CHECK, source_check, \
	  "plain packet with a source that is not behind the port where it came in (ports.NAME.source_check)") \
	/* flow, policy */ \
	X(POLICY_EGRESS, policy_egress, "the source's NetworkPolicies allow no such egress") \
	X(POLICY_INGRESS, policy_ingress, "the destination's NetworkPolicies allow no such ingress") \
	X(UNKNOWN_POD, unknown_pod, \
	  "source or destination is in a pod network, but no pod or node of the inventory has it") \
	X(FRAGMENT_ORPHAN, fragment_orphan, "fragment whose first one did not pass before it") \
	X(FRAGMENT_OVERLAP, fragment_overlap, "fragment begins inside its packet's first one (RFC 1858)") \
	X(FLOW_TABLE_FULL, flow_table_full, "no room for another connection") \
	X(FLOW_SOURCE_LIMIT, flow_source_limit, "its source has as many connections as one source may have") \
	/* route */ \
	X(NO_ROUTE, no_route, "neither peer nor route for the destination") \
	X(MUST_ENCRYPT, must_encrypt, "destination is in a network of encrypt, and no tunnel takes it") \
	X(NO_NEIGHBOR, no_neighbor, "next hop's MAC address is not known") \
	X(TTL_EXPIRED, ttl_expired, "TTL or hop limit ran out") \
	X(TO_GATEWAY, to_gateway, "addressed to the gateway itself") \
	X(ECHO_RATE, echo_rate, "more echo requests to the gateway than are answered") \
	/* exception ports: to the kernel, and from it */ \
	X(EXCEPTION_DENIED, exception_denied, \
	  "plain packet for the kernel that its encrypted port's allow list does not name") \
	X(EXCEPTION_RATE, exception_rate, "more packets for the kernel than one port may bring it") \
	X(EXCEPTION_FULL, exception_full, "the kernel's device is full, down or gone") \
	X(KERNEL_SOURCE, kernel_source, "packet of the kernel from another address than its port's") \
	X(KERNEL_WAY, kernel_way, \
	  "packet of the kernel that would leave by another port, or by an encrypted one for a tunnel") \
	X(KERNEL_DENIED, kernel_denied, \
	  "packet of the kernel that its encrypted port's allow list does not name") \
	/* sa_out, esp_out */ \
	X(NO_OUT_SA, no_out_sa, "peer has no outbound SA") \
	X(TRANSPORT_ENDS, transport_ends, "transport mode is for packets from local to remote alone") \
	X(TRANSPORT_FRAGMENT, transport_fragment, "fragment cannot be sealed in transport mode (RFC 4303 s3.3.4)") \
	X(SEQ_EXHAUSTED, seq_exhausted, "outbound SA has used its last sequence number") \
	X(SEQ_RESERVATION, seq_reservation, \
	  "no sequence number or IV is durably reserved: state_dir is not written in time") \
	X(NO_ROOM, no_room, "buffer has no room for the ESP header or trailer") \
	X(CRYPTO_FAILED, crypto_failed, "the crypto library did not complete the packet") \
	/* tx */ \
	X(PLAIN_TO_ENCRYPTED, plain_to_encrypted, "plain packet was routed to an encrypted port") \
	X(LINK_DOWN, link_down, "the port by which it was to leave has no link") \
	X(TOO_BIG, too_big, "larger than what its way takes, and not to be fragmented") \
	X(TX_FULL, tx_full, "transmit queue is full") \
	X(TX_RING_FULL, tx_ring_full, "ring to the worker that owns the transmit queue is full")
/* clang-format on */

enum eg_drop {
	EG_PASS, /* not dropped */
#define X(symbol, name, text) EG_DROP_##symbol,
	EG_DROPS(X)
#undef X
	EG_DROP_COUNT,
};

/* "esp_auth", and one sentence of what it means. Any thread; both are constants. */
const char *eg_drop_name(enum eg_drop drop);
const char *eg_drop_text(enum eg_drop drop);

#endif
