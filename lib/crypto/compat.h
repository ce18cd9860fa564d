/* Private to lib/crypto: what differs between IPsec-MB 1.3 and 2.0.
 *
 * From 1.4 on, a burst's jobs carry a session: what the library found out about cipher, hash and
 * direction once, so that it need not for each job. A key keeps one for each direction. In 1.3 jobs
 * have no such field, and a session here has no bytes. 2.0's AEAD burst calls are for CCM alone and
 * are not used. */
#ifndef EG_CRYPTO_COMPAT_H
#define EG_CRYPTO_COMPAT_H

#include <intel-ipsec-mb.h>

#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)

struct eg_imb_session {
	uint32_t suite_id[2];
};

/* `job` has cipher, hash, key length and direction set. */
static inline void eg_imb_session_make(IMB_MGR *mgr, IMB_JOB *job, struct eg_imb_session *session)
{
	imb_set_session(mgr, job);
	session->suite_id[0] = job->suite_id[0];
	session->suite_id[1] = job->suite_id[1];
}

static inline void eg_imb_session_use(const struct eg_imb_session *session, IMB_JOB *job)
{
	job->suite_id[0] = session->suite_id[0];
	job->suite_id[1] = session->suite_id[1];
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
