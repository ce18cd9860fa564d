/* lib/policy: the compiled tables against the reference model, and the reference model against the
 * API. */
#include "policy_tests.h"

struct eg_policy *compile(const struct eg_cluster *cluster)
{
	struct eg_policy_options options = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy = eg_policy_compile(cluster, &options, &errs);

	eg_vec_foreach (msg, &errs.msgs)
		print_error("%s\n", msg->text);
	eg_errs_free(&errs);
	assert_non_null(policy);
	return policy;
}

void assert_agree(const struct eg_policy *policy, const struct eg_packet_key *key)
{
	struct eg_disagreement d;
	struct eg_buf text = {0};

	if (eg_prove_packet(policy, key, &d))
		return;
	eg_disagreement_describe(policy, &d, &text);
	fail_msg("%s", text.v);
}

int main(void)
{
	return run_rule_tests() + run_compile_tests() + run_explain_tests() +
	       run_quarantine_tests() + run_budget_tests() + run_random_tests();
}
