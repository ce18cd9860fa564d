/* The stages: one file each, all on path->batch. path.c calls them, and no stage calls another.
 * Worker only. */
#ifndef EG_PATH_STAGES_H
#define EG_PATH_STAGES_H

#include "path/path.h"

/* rx.c: fill the batch from a receive queue. Every packet is one segment then. Returns how many
 * were received, of which gather may have dropped some. */
unsigned eg_rx(struct eg_path *path, unsigned port, uint16_t queue);

/* gather.c: part of rx, for a burst with packets of several segments or too little tailroom: copy
 * each of those into one buffer. */
void eg_gather(struct eg_path *path);

/* known.c: packets that the forwarding cache knows leave the batch for path->known, with all their
 * headers written. port: the clear port by which the frames came. */
void eg_known_plain(struct eg_path *path, unsigned port);

/* known.c: the same for packets that have been opened. */
void eg_known_opened(struct eg_path *path);

/* known.c: seal those of path->known that go into a tunnel. */
void eg_known_seal(struct eg_path *path);

/* tx.c: send path->known. The last check of each: sealed if its port is encrypted. */
void eg_tx_known(struct eg_path *path);

/* front.c: keep ordinary ESP in the batch, as parse and demux would leave it; put the other frames
 * aside. eg_take_aside() makes them the batch; port: by which they came. */
void eg_front(struct eg_path *path);
void eg_take_aside(struct eg_path *path, unsigned port);

/* learn.c: store in the forwarding cache what was decided about the packets in the batch. */
void eg_learn(struct eg_path *path);

/* parse.c: Ethernet and IP of received frames; IP of packets that were handed over; IP of packets
 * found inside ESP. Data then start at the IP header and end with it. */
void eg_parse_frames(struct eg_path *path);
void eg_parse_packets(struct eg_path *path);
void eg_parse_inner(struct eg_path *path);

/* demux.c: what a packet from an encrypted port is. ESP stays in the batch, and meta.pkt.l4_off is
 * where it begins; every other kind ends here or goes to the kernel. */
void eg_demux(struct eg_path *path);

/* sa_in.c: SPI -> SA, the tunnel's ends, owner, anti-replay check (RFC 4303 s3.4.2, s3.4.3). */
void eg_sa_in(struct eg_path *path);

/* esp_in.c: open in place, move the window, take trailer and headers off (RFC 4303 s3.4.4). */
void eg_esp_in(struct eg_path *path);

/* verify.c: ECN of the outer header, and the inner source against the SA's peer (RFC 4301 s5.2). */
void eg_verify(struct eg_path *path);

/* verify.c: the source of a packet from a clear port must be behind that port (source_check), and
 * never behind a peer, whose packets would be sealed, nor an address of the gateway. */
void eg_verify_plain(struct eg_path *path);

/* probe.c: replies to probes are consumed here, before any policy. */
void eg_probe_replies(struct eg_path *path);

/* flow.c: the connection of each packet; packets of an allowed one need no verdict. */
void eg_flow_stage(struct eg_path *path);

/* policy.c: evaluate policy for the rest; fragments follow their first one. */
void eg_policy_stage(struct eg_path *path);

/* learn.c: connections whose state has changed, so that the forwarding cache may no longer answer
 * for them. */
void eg_forget(struct eg_path *path);

/* route.c: longest prefix, which tunnel of a group, then TTL. */
void eg_route(struct eg_path *path);

/* mss.c: clamp the MSS of TCP SYNs into and out of tunnels to the effective MTU. */
void eg_mss(struct eg_path *path);

/* sa_out.c: the SA of each packet that goes into a tunnel; sequence numbers and IVs, one
 * reservation per SA and burst.
 */
void eg_sa_out(struct eg_path *path);

/* esp_out.c: ESP trailer, header and outer header; seal in place (RFC 4303 s3.3). */
void eg_esp_out(struct eg_path *path);

/* tx.c: the last check of what leaves, the link header, transmit by port. */
void eg_tx(struct eg_path *path);

/* tx.c: whole frames, each by its meta.port: locally originated ones, which by any port may only be
 * ARP or ND, and packets that eg_tx() has checked and that waited for their neighbour since. */
void eg_tx_frames(struct eg_path *path);

/* tx.c: a burst of frames that another worker left for a transmit queue. Returns how many. */
unsigned eg_tx_ring(struct eg_path *path, unsigned port, struct rte_ring *ring, uint16_t queue);

#endif
