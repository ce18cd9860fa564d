/* How the configuration lets a port check where packets come from; shared with the packet path. */
#ifndef EG_BASE_SOURCE_CHECK_H
#define EG_BASE_SOURCE_CHECK_H

/* Which sources a clear port accepts (RFC 3704 s2). */
enum eg_source_check {
	EG_SOURCE_STRICT, /* the way back leads out by the same port */
	EG_SOURCE_LOOSE,  /* there is a way back */
	EG_SOURCE_OFF,
};

#endif
