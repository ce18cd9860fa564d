#include "snap/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/config.h"

/* The search for the file that lost most is quadratic in the number of files: so it has a limit. */
#define FILES_MAX 1000

/* Objects by file, in reading order: those of one file follow each other. */
struct tally {
	const char *file;
	size_t n;
};

struct tallies {
	struct tally v[FILES_MAX];
	size_t n_files, n; /* n: all objects, also of files past the limit */
};

static void tally(struct tallies *tallies, const struct eg_pos *pos)
{
	const char *file = pos->file ? pos->file : "";

	tallies->n++;
	if (tallies->n_files && !strcmp(tallies->v[tallies->n_files - 1].file, file))
		tallies->v[tallies->n_files - 1].n++;
	else if (tallies->n_files < FILES_MAX)
		tallies->v[tallies->n_files++] = (struct tally){file, 1};
}

static void tally_pods(const struct eg_cluster *cluster, struct tallies *out)
{
	eg_vec_foreach (pod, &cluster->pods) {
		if (!pod->finished)
			tally(out, &pod->pos);
	}
}

static void tally_policies(const struct eg_cluster *cluster, struct tallies *out)
{
	eg_vec_foreach (policy, &cluster->policies)
		tally(out, &policy->pos);
}

/* Without a node's podCIDRs its pods' network is not a pod network: unknown addresses in it pass.
 */
static void tally_nodes(const struct eg_cluster *cluster, struct tallies *out)
{
	eg_vec_foreach (node, &cluster->nodes) {
		if (node->pod_cidrs.n)
			tally(out, &node->pos);
	}
}

static size_t count_in(const struct tallies *tallies, const char *file)
{
	for (size_t i = 0; i < tallies->n_files; i++) {
		if (!strcmp(tallies->v[i].file, file))
			return tallies->v[i].n;
	}
	return 0;
}

/* "; FILE had N and has M", or nothing if no file lost any. */
static void name_file(const struct tallies *before, const struct tallies *now, struct eg_buf *out)
{
	size_t most = 0, was = 0, is = 0;
	const char *file = NULL;

	for (size_t i = 0; i < before->n_files; i++) {
		size_t left = count_in(now, before->v[i].file);

		if (before->v[i].n > left && before->v[i].n - left > most) {
			most = before->v[i].n - left;
			file = before->v[i].file;
			was = before->v[i].n;
			is = left;
		}
	}
	if (file && *file)
		eg_buf_add(out, "; %s had %zu and has %zu", file, was, is);
}

/* The kinds of objects that are counted. */
static const struct {
	const char *one, *many;
	void (*tally)(const struct eg_cluster *cluster, struct tallies *out);
	bool needed; /* without any there is no policy at all: also checked at the first load */
} kinds[] = {
	{"pod", "pods", tally_pods, true},
	{"policy", "policies", tally_policies, false},
	{"node with podCIDRs", "nodes with podCIDRs", tally_nodes, false},
};

static bool too_few(const struct tallies *now, const struct tallies *before, bool needed,
		    unsigned max_shrink)
{
	size_t lost = before->n > now->n ? before->n - now->n : 0;

	if (max_shrink >= 100)
		return false;
	if (!now->n)
		return needed || before->n;
	return lost >= EG_GUARD_LOSS_MIN && lost * 100 > before->n * max_shrink;
}

static int check_kind(size_t kind, const struct eg_cluster *now, const struct eg_cluster *before,
		      const struct eg_conf_policy *conf, struct eg_errs *errs)
{
	struct tallies *is = calloc(1, sizeof(*is)), *was = calloc(1, sizeof(*was));
	struct eg_buf file = {0};
	int ret = -1;

	if (!is || !was) {
		eg_error(errs, NULL, "policy", "out of memory");
		goto out;
	}
	kinds[kind].tally(now, is);
	if (before)
		kinds[kind].tally(before, was);
	ret = 0;
	if (!too_few(is, was, kinds[kind].needed, conf->max_shrink))
		goto out;
	ret = -1;
	name_file(was, is, &file);
	if (!was->n)
		eg_error(errs, &conf->pos, "policy",
			 "no %s in the inventory, so no policy would select anything "
			 "(max_shrink: 100%% allows it)",
			 kinds[kind].one);
	else
		eg_error(errs, &conf->pos, "policy",
			 "%zu %s where %zu are in force%s: more are lost than max_shrink (%u%%) "
			 "allows; is the input complete? (max_shrink: 100%% allows it)",
			 is->n, is->n == 1 ? kinds[kind].one : kinds[kind].many, was->n,
			 file.v ? file.v : "", conf->max_shrink);
out:
	eg_buf_free(&file);
	free(is);
	free(was);
	return ret;
}

int eg_guard_cluster(const struct eg_cluster *now, const struct eg_cluster *before,
		     const struct eg_conf_policy *conf, struct eg_errs *errs)
{
	int failed = 0;

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++)
		failed |= check_kind(kind, now, before, conf, errs);
	return failed;
}
