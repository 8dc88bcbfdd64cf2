/*
 * What the child may do, from the outside in:
 *
 *     dies with its parent, own limits, no core, no new privileges     sandbox_early
 *     Landlock: writes its own folder (a writer at a path: that repository), reads credentials,
 *               certificates, /etc for name resolution                 sandbox_enter
 *     seccomp:  an allow-list; no exec, no fork, no executable memory, no ptrace, no bpf
 *
 * Landlock is used as far as the kernel knows it. Under sanitizers seccomp and the memory limit
 * are off, since the sanitizer runtime needs calls and address space of its own; sandbox_enter's
 * text says so.
 */
#include "edge/gitsrc/child/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

enum {
    MEMORY_MIB = 2048,
    CPU_SECONDS = 600, /* of the child's whole life; a fetch of a large repository takes few */
    FILE_COUNT = 256,
    EXIT_ORPHANED = 3,
};

static void limit(int what, uint64_t value)
{
    struct rlimit r = {.rlim_cur = value, .rlim_max = value};
    struct rlimit now;

    if (getrlimit((__rlimit_resource_t)what, &now) == 0 && now.rlim_max < value)
        r.rlim_cur = r.rlim_max = now.rlim_max;
    if (setrlimit((__rlimit_resource_t)what, &r) < 0)
        hl_die("hl-git: setrlimit");
}

void sandbox_early(long parent_pid)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent_pid) /* it died before we asked to be told */
        _exit(EXIT_ORPHANED);
    if (syscall(SYS_close_range, GITMSG_FD + 1, ~0U, 0) < 0 && errno != ENOSYS)
        hl_die("hl-git: close_range");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        hl_die("hl-git: no_new_privs");
    if (!HAS_SANITIZER) {
        prctl(PR_SET_DUMPABLE, 0);
        limit(RLIMIT_AS, (uint64_t)MEMORY_MIB * 1024 * 1024);
    }
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, CPU_SECONDS);
    limit(RLIMIT_NOFILE, FILE_COUNT);
    umask(077);
}

#if HAS_SANITIZER
/* libgit2 1.5.1 and libssh2 1.10 lose about 400 bytes per ssh connection (its known_hosts). Asked
 * at exit; for other transports every leak still counts. */
static bool is_ssh;
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
const char *__lsan_default_suppressions(void)
{
    return is_ssh ? "leak:libssh2.so\nleak:libgit2.so\n" : "";
}
#endif

/* ---- Landlock ---- */

static const uint64_t access_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t access_write = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER |
                                     LANDLOCK_ACCESS_FS_TRUNCATE;
static const uint64_t access_never = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

/* Kernels before ABI 2 lack REFER, before ABI 3 TRUNCATE. */
static uint64_t known_access(long abi)
{
    uint64_t all = access_read | access_write | access_never;

    if (abi < 2)
        all &= ~LANDLOCK_ACCESS_FS_REFER;
    if (abi < 3)
        all &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
    return all;
}

/* Opens a place; one that does not exist cannot be used anyway. */
static void allow(int ruleset, const char *path, uint64_t access)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                  LANDLOCK_ACCESS_FS_TRUNCATE;
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
}

/* The folder of a credential: mounted secrets are rotated by renaming beside the file. */
static void allow_folder_of(int ruleset, struct str file, uint64_t access)
{
    char path[4096];

    if (file.len == 0 || file.len >= sizeof(path))
        return;
    snprintf(path, sizeof(path), STR_FMT, STR_ARG(file));
    char *slash = strrchr(path, '/');
    if (slash && slash != path)
        *slash = '\0';
    allow(ruleset, path, access);
}

static long enter_landlock(const struct child *c)
{
    static const char *const readable[] = {"/etc",
                                           "/usr/share",
                                           "/usr/lib",
                                           "/lib",
                                           "/run/systemd/resolve",
                                           "/nix/store",
                                           "/dev/urandom",
                                           "/dev/null",
                                           HAS_SANITIZER ? "/proc" : "/dev/random"};
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (abi < 1)
        return 0;
    uint64_t known = known_access(abi);
    uint64_t rw = (access_read | access_write) & known;
    struct landlock_ruleset_attr attr = {.handled_access_fs = known};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (ruleset < 0)
        return 0;
    for (size_t i = 0; i < HL_COUNT(readable); i++)
        allow(ruleset, readable[i], access_read);
    allow_folder_of(ruleset, c->auth.ssh_key_file, access_read);
    allow_folder_of(ruleset, c->auth.ssh_known_hosts_file, access_read);
    allow_folder_of(ruleset, c->auth.http_token_file, access_read);
    allow_folder_of(ruleset, c->auth.ca_file, access_read);
    if (c->dir[0])
        allow(ruleset, c->dir, rw);
    if (c->url.kind == GIT_URL_PATH)
        allow(ruleset, c->url.path, c->mode == GITMSG_WRITER ? rw : access_read);
    long rc = syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
    return rc == 0 ? abi : 0;
}

/* ---- seccomp ---- */

/* What libgit2, libssh2, mbedTLS, the resolver and libc's allocator use. */
static const int allowed_calls[] = {
    /* memory, time, own process */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(umask),
    SCMP_SYS(getrlimit),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    /* files */
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(creat),
    SCMP_SYS(close),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(utime),
    SCMP_SYS(utimes),
    SCMP_SYS(utimensat),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(syncfs),
    SCMP_SYS(flock),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(ioctl),
    /* network */
    SCMP_SYS(socket),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
};

/* Executable memory fails instead of killing: the resolver may try to load a plugin and has other
 * ways when it cannot. */
static int add_memory_rules(scmp_filter_ctx ctx)
{
    static const int call[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < HL_COUNT(call); i++) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call[i], 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        if (rc == 0)
            rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), call[i], 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    }
    return rc;
}

/* abort() must look like one; nobody else may be signalled. */
static int add_self_rules(scmp_filter_ctx ctx)
{
    int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));

    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                              SCMP_A2(SCMP_CMP_EQ, 0)); /* asking, not setting */
    return rc;
}

static void enter_seccomp(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = ctx ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < HL_COUNT(allowed_calls); i++) {
        if (allowed_calls[i] < 0)
            continue; /* not a call of this architecture */
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    }
    if (rc == 0)
        rc = add_memory_rules(ctx);
    if (rc == 0)
        rc = add_self_rules(ctx);
    if (rc == 0)
        rc = seccomp_load(ctx);
    if (rc < 0) {
        errno = -rc;
        hl_die("hl-git: seccomp"); /* unconfined is not an option */
    }
    seccomp_release(ctx);
}

void sandbox_enter(const struct child *c, char *text, size_t size)
{
    long abi = enter_landlock(c);

#if HAS_SANITIZER
    is_ssh = c->url.kind == GIT_URL_SSH;
#endif
    if (!HAS_SANITIZER)
        enter_seccomp();
    int len = snprintf(
        text, size, HAS_SANITIZER ? "rlimits, no seccomp (sanitizer build)" : "rlimits, seccomp");
    if (abi > 0 && len > 0 && (size_t)len < size)
        snprintf(text + len, size - (size_t)len, ", landlock %ld", abi);
}
