/* Private to lib/crypto: differences between IPsec-MB 1.3 and 2.0.
 *
 * Since 1.4, burst jobs carry a session: what the library derives from cipher, hash and direction
 * once instead of per job. A key has one session per direction. In 1.3 jobs have no such field, and
 * the session here is empty. 2.0's AEAD burst calls only support CCM and are not used. */
#ifndef EG_CRYPTO_COMPAT_H
#define EG_CRYPTO_COMPAT_H

#include <intel-ipsec-mb.h>
#include <string.h>

#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)

struct eg_imb_session {
	__typeof__(((IMB_JOB *)NULL)->suite_id) suite_id; /* two pointers; two numbers since 2.0 */
};

/* `job` must have cipher, hash, key length and direction set. */
static inline void eg_imb_session_make(IMB_MGR *mgr, IMB_JOB *job, struct eg_imb_session *session)
{
	imb_set_session(mgr, job);
	memcpy(session->suite_id, job->suite_id, sizeof(session->suite_id));
}

static inline void eg_imb_session_use(const struct eg_imb_session *session, IMB_JOB *job)
{
	memcpy(job->suite_id, session->suite_id, sizeof(session->suite_id));
}

#else

struct eg_imb_session {
};

static inline void eg_imb_session_make(IMB_MGR *mgr, IMB_JOB *job, struct eg_imb_session *session)
{
	(void)mgr;
	(void)job;
	(void)session;
}

static inline void eg_imb_session_use(const struct eg_imb_session *session, IMB_JOB *job)
{
	(void)session;
	(void)job;
}

#endif

#endif
