/* The SAs of a peer (peers.NAME.sas). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/sections.h"

#define SPI_MIN               256 /* RFC 4303 s2.1 */
#define REPLAY_WINDOW_MIN     32  /* RFC 4303 s3.4.3 */
#define REPLAY_WINDOW_MAX     8192
#define REPLAY_WINDOW_DEFAULT 64 /* RFC 4303 s3.4.3: SHOULD be the default */

static void read_dir(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {[EG_SA_OUT] = "out", [EG_SA_IN] = "in"};
	struct eg_conf_sa *sa = into;
	unsigned dir;

	if (eg_read_enum(rd, node, names, 2, &dir))
		sa->dir = dir;
}

static void read_spi(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_sa *sa = into;
	uint64_t spi;

	if (!eg_read_u64(rd, node, 0, UINT64_MAX, &spi))
		return;
	if (spi < SPI_MIN || spi > UINT32_MAX)
		eg_read_error(rd, &node->pos, "%s is out of range (%d-0xffffffff, RFC 4303 s2.1)",
			      node->text, SPI_MIN);
	else
		sa->spi = (uint32_t)spi;
}

static void read_suite(struct eg_read *rd, const struct eg_node *node, void *into)
{
	const char *text = eg_read_text(rd, node), *reason, *meant;
	struct eg_conf_sa *sa = into;

	if (!text)
		return;
	sa->suite = eg_suite_find(text);
	if (sa->suite)
		return;
	reason = eg_suite_refused(text);
	meant = eg_suite_suggest(text);
	if (reason)
		eg_read_error(rd, &node->pos, "\"%s\" is not allowed: %s", text, reason);
	else if (meant)
		eg_read_error(rd, &node->pos, "unknown \"%s\" (did you mean \"%s\"?)", text, meant);
	else
		eg_read_error(rd, &node->pos, "unknown \"%s\" (espgate keygen lists the suites)",
			      text);
}

/* Resolved against the configuration file's directory, not the working directory. */
static void read_key_file(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_sa *sa = into;

	eg_conf_read_path(rd, node, &sa->key_file);
}

static void read_esn(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_sa *sa = into;

	eg_read_bool(rd, node, &sa->esn);
}

static void read_replay_window(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_sa *sa = into;
	uint64_t n;

	if (!eg_read_u64(rd, node, 0, UINT64_MAX, &n))
		return;
	if (n > REPLAY_WINDOW_MAX || (n && n < REPLAY_WINDOW_MIN))
		eg_read_error(rd, &node->pos, "%s is out of range (0 or %d-%d)", node->text,
			      REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX);
	else
		sa->replay_window = (uint32_t)n;
}

/* Only inbound SAs have a replay window. */
static void check_window(struct eg_read *rd, const struct eg_node *node,
			 const struct eg_conf_sa *sa)
{
	const struct eg_node *window = eg_node_get(node, "replay_window");
	size_t mark = eg_read_enter(rd, "replay_window");

	if (window && sa->dir == EG_SA_OUT)
		eg_read_error(rd, &window->key_pos, "only valid for SAs of dir in");
	else if (window && sa->dir == EG_SA_IN && !sa->replay_window)
		eg_read_warning(rd, &window->pos, "0 disables anti-replay (RFC 4303 s3.4.3)");
	eg_read_leave(rd, mark);
}

static void read_sa(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"dir", read_dir, true},     {"spi", read_spi, true},
		{"suite", read_suite, true}, {"key_file", read_key_file, true},
		{"esn", read_esn, false},    {"replay_window", read_replay_window, false},
	};
	struct eg_conf_peer *peer = into;
	struct eg_conf_sa *sa = eg_vec_add(&peer->sas);

	if (!sa) {
		eg_read_no_memory(rd);
		return;
	}
	sa->pos = node->pos;
	sa->dir = EG_CONF_NO_DIR;
	sa->replay_window = REPLAY_WINDOW_DEFAULT;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), sa);
	check_window(rd, node, sa);
	if (sa->dir == EG_SA_OUT)
		sa->replay_window = 0;
}

void eg_conf_read_sas(struct eg_read *rd, const struct eg_node *node, void *into)
{
	eg_read_seq(rd, node, read_sa, into);
}
