/* Source address validation per port; shared by the configuration and the packet path. */
#ifndef EG_BASE_SOURCE_CHECK_H
#define EG_BASE_SOURCE_CHECK_H

/* Sources that a clear port accepts (RFC 3704 s2). */
enum eg_source_check {
	EG_SOURCE_STRICT, /* the reverse route leads out of the same port */
	EG_SOURCE_LOOSE,  /* there is a reverse route */
	EG_SOURCE_OFF,
};

#endif
