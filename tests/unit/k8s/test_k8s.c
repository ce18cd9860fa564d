/* lib/k8s: kubectl's output becomes the cluster; what the API server would reject is rejected. */
#include "k8s_tests.h"

void read_cluster(const char *text, struct eg_cluster *cluster, const char *messages)
{
	static const struct eg_k8s_options options = {.default_namespace = "default"};

	read_cluster_as(&options, text, cluster, messages);
}

void read_cluster_as(const struct eg_k8s_options *options, const char *text,
		     struct eg_cluster *cluster, const char *messages)
{
	struct eg_errs errs = {0};
	struct eg_buf all = {0};
	struct eg_k8s *k8s = eg_k8s_new(cluster, &errs);
	int bad;

	eg_k8s_set_options(k8s, options);
	eg_k8s_add_text(k8s, text, strlen(text), "t");
	bad = eg_k8s_finish(k8s);
	eg_buf_add(&all, "%s", "");
	eg_vec_foreach (msg, &errs.msgs)
		eg_buf_add(&all, "%s\n", msg->text);
	assert_string_equal(all.v, messages);
	assert_int_equal(bad != 0, errs.n_errors != 0);
	eg_buf_free(&all);
	eg_errs_free(&errs);
	eg_k8s_free(k8s);
}

int main(void)
{
	return run_netpol_tests() + run_quarantine_tests() + run_directory_tests() +
	       run_inventory_tests() + run_example_tests() + run_file_tests() +
	       run_cyclonus_tests();
}
