/* What ThreadSanitizer cannot see: EAL, which it did not instrument, starts a worker's function
 * after what the control thread wrote before, and its wait returns after what that function wrote.
 * Nothing in other builds. */
#ifndef EG_WORKER_TSAN_H
#define EG_WORKER_TSAN_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EG_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define EG_TSAN 1
#endif

#ifdef EG_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define eg_tsan_acquire(address) __tsan_acquire(address)
#define eg_tsan_release(address) __tsan_release(address)
#else
#define eg_tsan_acquire(address) ((void)(address))
#define eg_tsan_release(address) ((void)(address))
#endif

#endif
