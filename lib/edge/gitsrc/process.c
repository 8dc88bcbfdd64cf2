/*
 * posix_spawn rather than fork: the parent is a threaded process with a large heap. What must
 * happen inside the child before main (PDEATHSIG, limits, seccomp) happens at the top of its main,
 * before it reads a byte.
 */
#include "edge/gitsrc/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef HL_LIBEXECDIR
#define HL_LIBEXECDIR "/usr/libexec/hlmesh"
#endif

enum {
    START_TIMEOUT_MS = 10000,
    END_TIMEOUT_MS = 2000,
    KEEP_ROOM_BYTES = 1024 * 1024,
    SANDBOX_TEXT_MAX = 128,
    CALLS_PER_CHILD = 1000, /* a child has a limit on processor time, its libraries lose memory */
};

/* Which folder a path names: the child's rights are bound to the folder, not to its name. */
struct identity {
    dev_t device;
    ino_t inode;
};

struct gitproc {
    struct str program;
    struct str dir;
    struct str place;
    struct identity seen[2]; /* of dir and place once the child was ready */
    struct str config;
    pid_t pid; /* 0 = no child */
    int fd;
    uint32_t sequence;
    uint32_t call_count; /* of this child, reading aside */
    struct buf room;
    char sandbox[SANDBOX_TEXT_MAX];
};

struct gitproc *gitproc_new(struct str program, struct str dir, struct str place, struct str config)
{
    struct gitproc *p = hl_calloc(1, sizeof(*p));

    p->program = str_dup(program);
    p->dir = str_dup(dir);
    p->place = str_dup(place);
    p->config = str_dup(config);
    p->fd = -1;
    return p;
}

void gitproc_free(struct gitproc *p)
{
    if (!p)
        return;
    gitproc_idle(p);
    str_free(p->program);
    str_free(p->dir);
    str_free(p->place);
    str_free(p->config);
    buf_deinit(&p->room);
    free(p);
}

static void find_program(const struct gitproc *p, char out[4096])
{
    if (p->program.len > 0) {
        snprintf(out, 4096, STR_FMT, STR_ARG(p->program));
        return;
    }
    ssize_t n = readlink("/proc/self/exe", out, 4000);
    if (n > 0) {
        out[n] = '\0';
        char *slash = strrchr(out, '/');
        if (slash) {
            snprintf(slash, (size_t)(out + 4096 - slash), "/hl-git");
            if (access(out, X_OK) == 0)
                return;
        }
    }
    snprintf(out, 4096, "%s/hl-git", HL_LIBEXECDIR);
}

/* Reaps the child, which must be dead or about to be; returns its wait status, -1 if unknown. */
static int reap(struct gitproc *p)
{
    int status = -1;

    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    p->pid = 0;
    p->sandbox[0] = '\0';
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    return status;
}

static int kill_child(struct gitproc *p)
{
    if (p->pid == 0)
        return -1;
    kill(p->pid, SIGKILL);
    return reap(p);
}

static bool wait_exit(pid_t pid, int timeout_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return false;
    int n = poll(&wait, 1, timeout_ms);
    close(fd);
    return n > 0;
}

void gitproc_idle(struct gitproc *p)
{
    if (p->pid > 0) {
        close(p->fd); /* the child reads end of file and leaves */
        p->fd = -1;
        if (!wait_exit(p->pid, END_TIMEOUT_MS))
            kill(p->pid, SIGKILL);
        reap(p);
    }
    buf_deinit(&p->room);
    p->room = (struct buf){0};
}

/* The socket to the child broke: says how it ended. */
static int child_died(struct gitproc *p, struct err *err)
{
    wait_exit(p->pid,
              END_TIMEOUT_MS); /* its own end, if it is ending, is worth more than our kill */
    int status = kill_child(p);

    if (status != -1 && WIFSIGNALED(status)) {
        int sig = WTERMSIG(status);
        return err_set(err, HL_EIO, "the git process died of signal %d (%s)%s", sig, strsignal(sig),
                       sig == SIGSYS ? ": a system call outside its allow-list" : "");
    }
    if (status != -1 && WIFEXITED(status))
        return err_set(err, HL_EIO, "the git process exited with status %d%s", WEXITSTATUS(status),
                       WEXITSTATUS(status) == 127 ? ": it could not be executed" : "");
    return err_set(err, HL_EIO, "the git process is gone");
}

/* Turns a failure of the socket into the end of the child and an error that explains it. */
static int broken(struct gitproc *p, int rc, const char *what, int64_t timeout_ms, struct err *err)
{
    if (rc == HL_EIO)
        return child_died(p, err);
    if (rc == HL_ETIMEOUT) {
        kill_child(p);
        return err_set(err, rc, "git %s: no answer within %lld ms, the git process was killed",
                       what, (long long)timeout_ms);
    }
    if (rc == HL_ECORRUPT)
        return gitproc_distrust(p, "a frame over the size limit", err);
    return err_wrap(err, "git %s", what); /* our own request is too large; nothing was sent */
}

int gitproc_distrust(struct gitproc *p, const char *what, struct err *err)
{
    kill_child(p);
    return err_set(err, HL_ECORRUPT, "the git process answered with nonsense (%s) and was killed",
                   what);
}

static int spawn_child(struct gitproc *p, const char *program, int fd, struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    char parent[32];
    HL_CLEANUP(buf_deinit) struct buf home = {0};

    sigemptyset(&none);
    sigfillset(&all);
    snprintf(parent, sizeof(parent), "%ld", (long)getpid());
    buf_printf(&home, "HOME=" STR_FMT "/hlmesh", STR_ARG(p->dir));
    buf_add_byte(&home, '\0');
    char name[] = "hl-git", lang[] = "LC_ALL=C";
    char *argv[] = {name, parent, NULL};
    char *envp[] = {home.ptr, lang, NULL};

    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    int rc = posix_spawn_file_actions_adddup2(&files, fd, GITMSG_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&files, GITMSG_FD + 1);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawn(&p->pid, program, &files, &attr, argv, envp);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (rc == 0)
        return 0;
    p->pid = 0;
    errno = rc;
    return err_errno(err, HL_EIO, "starting %s", program);
}

static int child_error(struct str payload, struct err *err)
{
    struct gitmsg_reader r = {.rest = payload};
    uint32_t code = gitmsg_u32(&r);
    struct str text = gitmsg_str(&r);

    if (!gitmsg_end(&r) || code < 1 || code > 11)
        return 0;
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str clean = git_clean_text(a, text, ERR_TEXT_MAX - 1);
    return err_set(err, -(int)code, STR_FMT, STR_ARG(clean));
}

/* Waits for the answer to the request `sequence`; answers the child's questions meanwhile. */
static int await(struct gitproc *p, uint32_t want, const char *what, int64_t timeout_ms,
                 int64_t deadline_ms, gitproc_ask ask, void *context, struct str *answer,
                 struct err *err)
{
    for (;;) {
        struct gitmsg m;
        int rc = gitmsg_receive(p->fd, deadline_ms, &p->room, &m, err);

        if (rc < 0)
            return broken(p, rc, what, timeout_ms, err);
        if (m.sequence != p->sequence)
            return gitproc_distrust(p, "an answer to another request", err);
        if (m.kind == GITMSG_ASK && ask && m.payload.len == 0) {
            char yes = ask(context) ? 1 : 0;
            rc = gitmsg_send(p->fd, p->sequence, GITMSG_ANSWER, (struct str){&yes, 1}, deadline_ms,
                             err);
            if (rc < 0)
                return broken(p, rc, what, timeout_ms, err);
            continue;
        }
        if (m.kind == GITMSG_ERROR) {
            rc = child_error(m.payload, err);
            return rc < 0 ? rc : gitproc_distrust(p, "a malformed error", err);
        }
        if (m.kind != want)
            return gitproc_distrust(p, "an answer of the wrong kind", err);
        *answer = m.payload;
        return 0;
    }
}

static struct identity identity_of(struct str path)
{
    struct stat st;

    if (path.len == 0 || stat(path.ptr, &st) < 0)
        return (struct identity){0};
    return (struct identity){st.st_dev, st.st_ino};
}

static bool is_same(struct identity a, struct identity b)
{
    return a.device == b.device && a.inode == b.inode;
}

static int start(struct gitproc *p, struct err *err)
{
    char program[4096];
    int pair[2];
    struct str sandbox;
    int64_t deadline_ms = gitmsg_now_ms() + START_TIMEOUT_MS;

    find_program(p, program);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(err, HL_EIO, "socketpair");
    int rc = spawn_child(p, program, pair[1], err);
    close(pair[1]);
    if (rc < 0) {
        close(pair[0]);
        return rc;
    }
    p->fd = pair[0];
    p->sequence++;
    rc = gitmsg_send(p->fd, p->sequence, GITMSG_CONFIG, p->config, deadline_ms, err);
    if (rc < 0)
        return broken(p, rc, "start", START_TIMEOUT_MS, err);
    rc = await(p, GITMSG_READY, "start", START_TIMEOUT_MS, deadline_ms, NULL, NULL, &sandbox, err);
    if (rc < 0) {
        kill_child(p); /* it refused its configuration: nothing to keep */
        return rc;
    }
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str clean = git_clean_text(a, sandbox, sizeof(p->sandbox) - 1);
    snprintf(p->sandbox, sizeof(p->sandbox), STR_FMT, STR_ARG(clean));
    p->seen[0] = identity_of(p->dir);
    p->seen[1] = identity_of(p->place);
    return 0;
}

static const char *kind_name(uint32_t kind)
{
    switch (kind) {
    case GITMSG_FETCH:
        return "fetch";
    case GITMSG_APPLY:
        return "commit";
    default:
        return "read";
    }
}

static bool always(void *context)
{
    (void)context;
    return true;
}

int gitproc_call(struct gitproc *p, uint32_t kind, struct str payload, int64_t timeout_ms,
                 gitproc_ask ask, void *context, struct str *answer, struct err *err)
{
    const char *what = kind_name(kind);

    if (p->room.cap > KEEP_ROOM_BYTES) {
        buf_deinit(&p->room);
        p->room = (struct buf){0};
    }
    /* A child that died while idle (out of memory killer, operator) costs nothing: start another.
     */
    struct pollfd peek = {.fd = p->fd, .events = POLLIN};
    if (p->pid > 0 && poll(&peek, 1, 0) != 0)
        kill_child(p);
    if (p->pid > 0 &&
        (!is_same(p->seen[0], identity_of(p->dir)) || !is_same(p->seen[1], identity_of(p->place))))
        kill_child(p);
    if (kind != GITMSG_READ && kind != GITMSG_LIST && p->call_count++ == CALLS_PER_CHILD)
        gitproc_idle(p);
    if (p->pid == 0) {
        p->call_count = 0;
        int rc = start(p, err);
        if (rc < 0)
            return rc;
    }
    int64_t deadline_ms = gitmsg_now_ms() + timeout_ms;
    p->sequence++;
    int rc = gitmsg_send(p->fd, p->sequence, kind, payload, deadline_ms, err);
    if (rc < 0)
        return broken(p, rc, what, timeout_ms, err);
    return await(p, GITMSG_DONE, what, timeout_ms, deadline_ms, ask ? ask : always, context, answer,
                 err);
}

struct str gitproc_sandbox(const struct gitproc *p)
{
    return str_from(p->sandbox);
}

int64_t gitproc_pid(const struct gitproc *p)
{
    return p->pid;
}

void gitproc_add_auth(struct buf *config, const struct git_auth *auth)
{
    gitmsg_add(config, auth->ssh_key_file);
    gitmsg_add(config, auth->ssh_known_hosts_file);
    gitmsg_add(config, auth->http_user);
    gitmsg_add(config, auth->http_token_file);
    gitmsg_add(config, auth->ca_file);
}

struct str git_clean_text(struct arena *a, struct str s, size_t max_bytes)
{
    s = str_sub(s, 0, max_bytes);
    while (s.len > 0 && ((unsigned char)s.ptr[s.len - 1] & 0xc0) == 0x80 && !str_is_utf8(s))
        s.len--; /* a character that the limit cut in two */
    if (s.len > 0 && (unsigned char)s.ptr[s.len - 1] >= 0xc0)
        s.len--;
    char *text = arena_cstr(a, s);
    bool is_utf8 = str_is_utf8(s);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f ||
            (!is_utf8 && (unsigned char)text[i] >= 0x80))
            text[i] = '?';
        else if ((unsigned char)text[i] == 0xc2 && (unsigned char)text[i + 1] < 0xa0)
            text[i] = text[i + 1] = '?'; /* U+0080 to U+009F: terminals obey some of them */
    return (struct str){text, s.len};
}
