#include "common/cyclonus.h"

#include <zlib.h>

static struct eg_buf unzip(const char *name)
{
	struct eg_buf path = {0}, text = {0};
	char chunk[65537];
	gzFile file;
	int n;

	eg_buf_add(&path, "%s/%s", getenv("EG_VECTORS"), name);
	file = gzopen(path.v, "rb");
	assert_non_null(file);
	while ((n = gzread(file, chunk, sizeof(chunk) - 1)) > 0) {
		chunk[n] = '\0';
		eg_buf_add(&text, "%s", chunk);
	}
	assert_int_equal(n, 0);
	gzclose(file);
	eg_buf_free(&path);
	return text;
}

const char *cyclonus_text(const struct eg_node *node, const char *field)
{
	const struct eg_node *value = eg_node_get(node, field);

	assert_non_null(value);
	assert_non_null(value->text);
	return value->text;
}

static void add_labels(struct eg_buf *yaml, const struct eg_node *labels)
{
	eg_buf_add(yaml, "  labels:\n");
	for (const struct eg_node *it = labels ? labels->child : NULL; it; it = it->next)
		eg_buf_add(yaml, "    \"%s\": \"%s\"\n", it->key, it->text);
}

/* The cluster of a step as kubectl would print it; each pod serves ports 80 and 81 over three
 * protocols. */
static struct eg_buf inventory_of(const struct eg_node *step)
{
	static const char *const protos[] = {"TCP", "UDP", "SCTP"};
	static const char *const lower[] = {"tcp", "udp", "sctp"};
	struct eg_buf yaml = {0};

	for (const struct eg_node *ns = eg_node_get(step, "Namespaces")->child; ns; ns = ns->next) {
		eg_buf_add(&yaml, "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n",
			   ns->key);
		add_labels(&yaml, ns);
	}
	for (const struct eg_node *pod = eg_node_get(step, "Pods")->child; pod; pod = pod->next) {
		eg_buf_add(&yaml,
			   "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n"
			   "  namespace: %s\n",
			   cyclonus_text(pod, "Name"), cyclonus_text(pod, "NS"));
		add_labels(&yaml, eg_node_get(pod, "Labels"));
		eg_buf_add(&yaml, "status: {podIP: %s}\nspec:\n  containers:\n  - ports:\n",
			   cyclonus_text(pod, "IP"));
		for (int port = 80; port <= 81; port++)
			for (int p = 0; p < 3; p++)
				eg_buf_add(&yaml,
					   "    - {name: serve-%d-%s, containerPort: %d, "
					   "protocol: %s}\n",
					   port, lower[p], port, protos[p]);
	}
	return yaml;
}

void cyclonus_cluster(const struct eg_node *step, struct eg_cluster *cluster)
{
	const struct eg_node *policies = eg_node_get(step, "Policies");
	struct eg_buf yaml = inventory_of(step);
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(cluster, &errs);

	assert_non_null(k8s);
	eg_k8s_add_text(k8s, yaml.v, yaml.n, "inventory");
	for (const struct eg_node *it = policies ? policies->child : NULL; it; it = it->next)
		eg_k8s_add_object(k8s, it);
	if (eg_k8s_finish(k8s))
		eg_errs_print(&errs, stderr);
	assert_int_equal(errs.n_errors, 0);
	eg_errs_free(&errs);
	eg_k8s_free(k8s);
	eg_buf_free(&yaml);
}

struct eg_ip cyclonus_ip(const struct eg_node *step, const char *name)
{
	struct eg_ip ip = {0};

	for (const struct eg_node *pod = eg_node_get(step, "Pods")->child; pod; pod = pod->next) {
		const char *ns = cyclonus_text(pod, "NS");
		size_t n = strlen(ns);

		if (!strncmp(name, ns, n) && name[n] == '/' &&
		    !strcmp(name + n + 1, cyclonus_text(pod, "Name")))
			assert_int_equal(eg_ip_parse(cyclonus_text(pod, "IP"), &ip), 0);
	}
	assert_int_not_equal(ip.family, 0);
	return ip;
}

void cyclonus_steps(void (*each)(const struct eg_node *step, void *arg), void *arg)
{
	struct eg_buf text = unzip("cyclonus_cases.json.gz");
	struct eg_errs errs = {0};
	struct eg_tree tree;

	if (eg_tree_read_text(text.v, text.n, "cyclonus", &eg_tree_limits_k8s, &tree, &errs))
		eg_errs_print(&errs, stderr);
	assert_int_equal(errs.n_errors, 0);
	for (const struct eg_node *one = tree.docs->child; one; one = one->next)
		for (const struct eg_node *step = eg_node_get(one, "Steps")->child; step;
		     step = step->next)
			each(step, arg);
	eg_tree_free(&tree);
	eg_buf_free(&text);
}
