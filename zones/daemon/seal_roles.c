#include "zones/daemon/seal_roles.h"

/*
 * The calls that every thread may need, to end and to report a fault. A page of a mapped file that cannot be
 * read is replaced by memory (zones/store/store_fault.c).
 */
#define ALWAYS \
	"futex clock_gettime gettimeofday time getcpu sched_yield restart_syscall rt_sigreturn " \
	"rt_sigprocmask sigaltstack madvise munmap rseq membarrier exit exit_group getpid gettid " \
	"tgkill:own "
#define FAULTS "write:stderr writev:stderr rt_sigaction:faults mmap:anonymous "

#define MEMORY "brk mremap mincore msync mmap:data mprotect:data "
#define LIBRARIES "brk mremap mincore msync mmap:nowx mprotect:nowx " /* it may load libraries */

#define STREAMS \
	"accept4 accept recvfrom recvmsg sendto sendmsg read readv write writev close shutdown setsockopt " \
	"getsockopt getsockname getpeername ioctl fcntl "
#define WAITING \
	"epoll_wait epoll_pwait epoll_pwait2 epoll_ctl epoll_create1 poll ppoll select pselect6 nanosleep " \
	"clock_nanosleep clock_getres eventfd2 pipe2 pipe timerfd_create timerfd_settime "
#define FILES \
	"openat open stat fstat lstat newfstatat fstatat64 stat64 fstat64 lstat64 statx access faccessat " \
	"faccessat2 readlink readlinkat getdents64 getdents getcwd lseek _llseek read readv pread64 preadv " \
	"write writev pwrite64 pwritev close close_range fcntl fcntl64 ftruncate ftruncate64 fallocate " \
	"fadvise64 fsync fdatasync sync_file_range flock unlink unlinkat rename renameat renameat2 mkdir " \
	"mkdirat rmdir chmod fchmod fchmodat fchmodat2 chown fchown fchownat link linkat umask statfs " \
	"fstatfs statfs64 fstatfs64 dup dup2 dup3 ioctl inotify_init1 inotify_add_watch inotify_rm_watch " \
	"copy_file_range sendfile memfd_create "
#define SELF \
	"getuid geteuid getgid getegid getresuid getresgid getgroups getppid uname sysinfo getrlimit " \
	"setrlimit prlimit64 getrusage times sched_getaffinity sched_getparam sched_getscheduler getrandom " \
	"rt_sigaction rt_sigpending rt_sigtimedwait signalfd4 alarm setitimer prctl:name "
#define THREADS "clone clone3 set_robust_list get_robust_list set_tid_address arch_prctl "
#define CLIENT "connect bind listen sendmmsg recvmmsg socketpair:unix "

/* Do not extend the list of SEAL_UDP: it is receive, send, the clock, futex, and ALWAYS. */
static const struct seal_list lists[SEAL_ROLES] = {
    [SEAL_UDP] = {"UDP worker", SEAL_KILL, true, "recvmmsg sendmmsg " ALWAYS FAULTS},
    /* malloc of glibc reads from /proc/sys/vm before it returns memory, and works without. */
    [SEAL_TCP] = {"TCP worker", SEAL_KILL, false,
	STREAMS "epoll_wait epoll_pwait epoll_pwait2 epoll_ctl getrandom sched_getaffinity " ALWAYS MEMORY
		"rt_sigaction:faults prctl:name openat:refused"},
    [SEAL_DNSD] = {"main thread", SEAL_REFUSE, false,
	ALWAYS MEMORY FILES WAITING SELF THREADS STREAMS
	/* workers seal themselves; a successor connects to a socket; a predecessor that hangs is killed */
	"recvmmsg sendmmsg listen socket:unix connect bind pidfd_send_signal seccomp"},
    [SEAL_TAP] = {"writer of the query log", SEAL_REFUSE, false,
	ALWAYS MEMORY FILES WAITING SELF STREAMS "socket:inet connect"},
    /* LMDB copies a store with a second thread. */
    [SEAL_PUBLISHER] = {"publisher", SEAL_REFUSE, false,
	ALWAYS MEMORY FILES WAITING SELF THREADS "sendto recvfrom"},
    [SEAL_MONITOR] = {"main thread", SEAL_REFUSE, false,
	ALWAYS MEMORY FILES WAITING SELF THREADS STREAMS CLIENT "socket:inet kill wait4 waitid"},
    [SEAL_SAVER] = {"saver", SEAL_REFUSE, false, ALWAYS MEMORY FILES WAITING SELF THREADS "sendto recvfrom"},
    [SEAL_COURIER] = {"courier", SEAL_REFUSE, false,
	ALWAYS LIBRARIES FILES WAITING SELF THREADS STREAMS CLIENT "socket:inet kill wait4 waitid"},
    [SEAL_API] = {"main thread", SEAL_REFUSE, false,
	ALWAYS MEMORY FILES WAITING SELF THREADS STREAMS "sendmmsg recvmmsg listen socket:unix connect"},
    [SEAL_WRITER] = {"writer", SEAL_REFUSE, false,
	ALWAYS MEMORY FILES WAITING SELF THREADS "sendto recvfrom"},
    [SEAL_ASKER] = {"thread that asks others", SEAL_REFUSE, false,
	ALWAYS LIBRARIES FILES WAITING SELF THREADS STREAMS CLIENT "socket:inet"},
    /* The resolver of the C library loads libraries. */
    [SEAL_SYNC] = {"main thread", SEAL_REFUSE, false,
	ALWAYS LIBRARIES FILES WAITING SELF THREADS STREAMS CLIENT "socket:inet"},
    /* OpenSSL loads its configuration and providers at the first key. */
    [SEAL_SIGNER] = {"main thread", SEAL_REFUSE, false, ALWAYS LIBRARIES FILES WAITING SELF THREADS STREAMS},
    /* It forks for each store; damage ends the child. */
    [SEAL_GUARD] = {"guard of the stores", SEAL_REFUSE, false,
	ALWAYS MEMORY FILES WAITING SELF
	"sendto recvfrom clone clone3 fork set_robust_list wait4 waitid kill tgkill prctl"},
};

const char seal_intruder[] =
    "execve execveat ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd init_module "
    "finit_module delete_module kexec_load kexec_file_load bpf mount umount2 pivot_root chroot setns unshare "
    "fsopen fsmount move_mount open_tree perf_event_open userfaultfd io_uring_setup memfd_secret keyctl "
    "add_key "
    "request_key personality reboot swapon swapoff modify_ldt";

const struct seal_list *
seal_list(enum seal_role role)
{
	return &lists[role];
}
