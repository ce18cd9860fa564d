/* Drop reasons: one table. The name is the counter, the trace label, the metric label and the log
 * field; it is part of the interface and its meaning never changes.
 *
 * EG_DROPS(X) calls X(SYMBOL, name, text) once per reason, in packet path order. */
#ifndef ESPGATE_DROP_H
#define ESPGATE_DROP_H

/* clang-format off */
#define EG_DROPS(X) \
	X(NO_SNAPSHOT, no_snapshot, "no valid configuration is in force yet") \
	/* rx, parse: the frame, and the inner packet after decryption */ \
	X(MULTI_SEGMENT, multi_segment, \
	  "multi-segment frame that does not fit into one buffer or whose lengths do not add up") \
	X(NO_BUFFER, no_buffer, "no free buffer to linearize a frame or to fragment a packet") \
	X(UNKNOWN_VLAN, unknown_vlan, \
	  "tagged for a VLAN without a port on this device, or tagged twice") \
	X(SHORT_FRAME, short_frame, "frame ends inside its Ethernet or VLAN header") \
	X(NOT_OUR_MAC, not_our_mac, \
	  "destination MAC is another station's (the port is not promiscuous)") \
	X(NOT_IP, not_ip, \
	  "neither IPv4 nor IPv6 (LLDP and the like; ARP on a port without addresses)") \
	X(BAD_IP_HEADER, bad_ip_header, "impossible IP version, header length or total length") \
	X(BAD_IP_LENGTH, bad_ip_length, "packet is shorter than its IP length (truncated)") \
	X(BAD_IP_CHECKSUM, bad_ip_checksum, "IPv4 header checksum is wrong") \
	X(BAD_IP6_EXTENSION, bad_ip6_extension, \
	  "IPv6 extension headers are truncated or too many") \
	X(FRAGMENT_OVERSIZE, fragment_oversize, \
	  "fragment reaches beyond 65,535 bytes (RFC 791 s3.1)") \
	X(IP4_SOURCE_ROUTE, ip4_source_route, \
	  "IPv4 source route option, LSRR or SSRR (RFC 7126 s4.3, s4.4)") \
	X(IP6_ROUTING_0, ip6_routing_0, \
	  "IPv6 routing header of type 0 (deprecated by RFC 5095 s3)") \
	X(SHORT_L4, short_l4, "TCP, UDP, SCTP or ICMP header is truncated") \
	X(MULTICAST, multicast, "multicast or broadcast destination is not routed") \
	X(MARTIAN, martian, "source or destination address is not valid on a wire") \
	X(LINK_LOCAL, link_local, "link-local address is not routed") \
	/* neighbours: what came of ARP and ND, and packets that waited for them */ \
	X(BAD_DISCOVERY, bad_discovery, \
	  "malformed or invalid ARP or ND message (RFC 826, RFC 4861 s7.1)") \
	X(DISCOVERY_RATE, discovery_rate, "ARP and ND messages exceed the rate limit") \
	X(NEIGHBOR_CLAIM, neighbor_claim, \
	  "ARP or ND message would replace the MAC of a recently confirmed neighbor: not believed") \
	X(DUPLICATE_ADDRESS, duplicate_address, \
	  "another station claims an address of the gateway") \
	X(NEIGHBOR_PENDING_FULL, neighbor_pending_full, \
	  "too many packets are waiting for neighbor resolution") \
	X(NEIGHBOR_TABLE_FULL, neighbor_table_full, "neighbor table is full") \
	X(NEIGHBOR_FAILED, neighbor_failed, "next hop does not answer neighbor resolution") \
	/* demux, sa_in */ \
	X(PLAIN_ON_ENCRYPTED, plain_on_encrypted, "plain packet on an encrypted port") \
	X(UDP_KEEPALIVE, udp_keepalive, \
	  "NAT keepalive of UDP encapsulation, discarded (RFC 3948 s2.3)") \
	X(UDP_NON_ESP, udp_non_esp, "non-ESP marker on UDP port 4500: IKE (RFC 3948 s2.2)") \
	X(ESP_NOT_LOCAL, esp_not_local, "ESP to an address that is not a tunnel's local address") \
	X(ESP_FRAGMENT, esp_fragment, "ESP fragment whose source is not a peer (RFC 4303 s3.4.1)") \
	X(PATH_MTU_BAD, path_mtu_bad, \
	  "ICMP too big with a bad checksum, or with an MTU below 576 (IPv6: 1280)") \
	X(PATH_MTU_FORGED, path_mtu_forged, \
	  "ICMP too big that does not quote a recently sent packet") \
	X(PATH_MTU_RATE, path_mtu_rate, "ICMP too big messages exceed the rate limit") \
	X(PATH_MTU_IGNORED, path_mtu_ignored, "ICMP too big for a peer with path_mtu: ignore") \
	X(REASSEMBLY_BAD, reassembly_bad, \
	  "fragment with an impossible offset or length, or suspiciously small") \
	X(REASSEMBLY_OVERLAP, reassembly_overlap, "fragments of one packet overlap (RFC 5722 s4)") \
	X(REASSEMBLY_DUPLICATE, reassembly_duplicate, "duplicate fragment") \
	X(REASSEMBLY_SIZE, reassembly_size, \
	  "fragments of a packet with too many of them, or (IPv6) of more than 65,535 bytes") \
	X(REASSEMBLY_FULL, reassembly_full, "fragments evicted in favour of a newer packet's") \
	X(REASSEMBLY_TIMEOUT, reassembly_timeout, \
	  "fragments of a packet that was not complete in time") \
	X(ESP_SHORT, esp_short, "too short or misaligned for its suite") \
	X(ESP_UNKNOWN_SPI, esp_unknown_spi, "no inbound SA has this SPI (RFC 4303 s3.4.2)") \
	X(ESP_WRONG_PEER, esp_wrong_peer, "outer addresses are not those of the SA's peer") \
	X(SA_EXPIRED, sa_expired, "SA is past its hard lifetime (RFC 4301 s4.4.2.1)") \
	X(ESP_WRONG_ENCAP, esp_wrong_encap, \
	  "UDP-encapsulated or not, contrary to the peer's udp_encap") \
	X(ESP_REPLAY_OLD, esp_replay_old, "sequence number is left of the anti-replay window") \
	X(ESP_REPLAY_SEEN, esp_replay_seen, "sequence number was received before, or is 0") \
	X(HANDOFF_FULL, handoff_full, "ring to the worker that owns the SA is full") \
	/* esp_in, verify */ \
	X(ESP_AUTH, esp_auth, "ICV does not match (RFC 4303 s3.4.4)") \
	X(ESP_PADDING, esp_padding, "padding is not 1, 2, 3, ... or longer than the packet") \
	X(ESP_DUMMY, esp_dummy, "dummy packet, silently discarded (RFC 4303 s2.6)") \
	X(ESP_NEXT_HEADER, esp_next_header, "next header is neither IPv4 nor IPv6 in tunnel mode") \
	X(ESP_ECN, esp_ecn, \
	  "outer header is marked CE but the inner packet is not ECN-capable (RFC 6040)") \
	X(INNER_SOURCE, inner_source, "inner source is not in the peer's subnets (RFC 4301 s5.2)") \
	X(PLAIN_FROM_PEER, plain_from_peer, \
	  "plain packet with a source in a peer's subnets (RFC 4301 s5.2)") \
	X(OWN_SOURCE, own_source, \
	  "plain packet that claims an address of the gateway as its source") \
	X(SOURCE_CHECK, source_check, \
	  "plain packet whose source is not reachable through its ingress port (ports.NAME.source_check)") \
	/* flow, policy */ \
	X(POLICY_EGRESS, policy_egress, "no NetworkPolicy of the source allows this egress") \
	X(POLICY_INGRESS, policy_ingress, \
	  "no NetworkPolicy of the destination allows this ingress") \
	X(UNKNOWN_POD, unknown_pod, \
	  "source or destination is in a pod network but belongs to no pod or node of the inventory") \
	X(FRAGMENT_ORPHAN, fragment_orphan, \
	  "later fragment whose first fragment was not forwarded before it") \
	X(FRAGMENT_OVERLAP, fragment_overlap, \
	  "fragment overlaps the first fragment of its packet (RFC 1858)") \
	X(FLOW_TABLE_FULL, flow_table_full, "connection table is full") \
	X(FLOW_SOURCE_LIMIT, flow_source_limit, "source has reached its limit of connections") \
	/* route */ \
	X(NO_ROUTE, no_route, "no peer and no route for the destination") \
	X(MUST_ENCRYPT, must_encrypt, \
	  "destination must be encrypted (encrypt), but no tunnel covers it") \
	X(NO_NEIGHBOR, no_neighbor, "next hop's MAC address is not known") \
	X(TTL_EXPIRED, ttl_expired, "TTL or hop limit exceeded") \
	X(TO_GATEWAY, to_gateway, "addressed to the gateway itself") \
	X(ECHO_RATE, echo_rate, "echo requests to the gateway exceed the rate limit") \
	/* exception ports: to the kernel, and from it */ \
	X(EXCEPTION_DENIED, exception_denied, \
	  "plain packet for the kernel that the encrypted port's allow list does not include") \
	X(EXCEPTION_RATE, exception_rate, "packets for the kernel exceed the port's rate limit") \
	X(EXCEPTION_FULL, exception_full, "kernel device is full, down or gone") \
	X(KERNEL_SOURCE, kernel_source, \
	  "packet from the kernel whose source is not an address of its port") \
	X(KERNEL_WAY, kernel_way, \
	  "packet from the kernel that would leave through another port, or through a tunnel") \
	X(KERNEL_DENIED, kernel_denied, \
	  "packet from the kernel that the encrypted port's allow list does not include") \
	/* sa_out, esp_out */ \
	X(NO_OUT_SA, no_out_sa, "peer has no outbound SA") \
	X(TRANSPORT_ENDS, transport_ends, \
	  "transport mode only takes packets from local to remote") \
	X(TRANSPORT_FRAGMENT, transport_fragment, \
	  "fragments cannot be sealed in transport mode (RFC 4303 s3.3.4)") \
	X(SEQ_EXHAUSTED, seq_exhausted, "outbound SA has used its last sequence number") \
	X(SEQ_RESERVATION, seq_reservation, \
	  "no sequence number or IV is durably reserved: writes to state_dir are late") \
	X(NO_ROOM, no_room, "buffer has no room for the ESP header or trailer") \
	X(CRYPTO_FAILED, crypto_failed, "crypto library did not complete the packet") \
	/* tx */ \
	X(PLAIN_TO_ENCRYPTED, plain_to_encrypted, "plain packet was routed to an encrypted port") \
	X(LINK_DOWN, link_down, "link of the egress port is down") \
	X(TOO_BIG, too_big, "exceeds the MTU and may not be fragmented") \
	X(TX_FULL, tx_full, "transmit queue is full") \
	X(TX_RING_FULL, tx_ring_full, "ring to the worker that owns the transmit queue is full")
/* clang-format on */

/* What a stage decides about one packet: it is kept, dropped for a reason, or consumed. */
enum eg_verdict {
	EG_PASS, /* kept: it goes to the next stage */
#define X(symbol, name, text) EG_DROP_##symbol,
	EG_DROPS(X)
#undef X
	EG_DROP_COUNT,
	EG_CONSUMED = EG_DROP_COUNT, /* it left the batch and is not lost: it served its purpose, or
				      * waits in a queue or table */
};

/* "esp_auth", and one sentence of what it means. Any thread; both are constants. */
const char *eg_drop_name(enum eg_verdict reason);
const char *eg_drop_text(enum eg_verdict reason);

#endif
