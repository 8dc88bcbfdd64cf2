/* hlctl: read the line, run one command, say what went wrong. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hlctl/help.h"
#include "hlctl/hlctl.h"
#include "hlctl/safe.h"

static const char *environment(const char *name)
{
    return getenv(name);
}

/* What was asked for is stored in the mesh and goes on; only this program ends. */
static void on_interrupt(int number)
{
    static const char text[] = "\ninterrupted; what the mesh has accepted goes on\n";

    hlctl_drop_unfinished();
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_INTERRUPTED);
    _exit(number == SIGINT ? EXIT_INTERRUPTED : 128 + number);
}

static void set_signals(void)
{
    struct sigaction on = {.sa_handler = on_interrupt};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction hangup;

    sigaction(SIGINT, &on, NULL);
    sigaction(SIGTERM, &on, NULL);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* nohup(1) */
        sigaction(SIGHUP, &on, NULL);
    sigaction(SIGPIPE, &ignore, NULL); /* write() tells */
}

static void complain(struct arena *a, const struct trouble *t, bool is_document)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    trouble_print(&text, a, t, is_document);
    fwrite(text.ptr, 1, text.len, stderr);
}

static void show_help(struct hlctl *h, const char *first_word)
{
    const struct verb *v = invocation_verb(h->in);

    if (v)
        help_verb(&h->out, v);
    else if (first_word && verb_is_noun(str_from(first_word)))
        help_noun(&h->out, str_from(first_word));
    else
        help_overview(&h->out);
}

/* Does not return if all is well. */
static int become_mesh(char **argv, struct trouble *t)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("-mesh"));

    if (len > 0) { /* beside this program, as it is built */
        memcpy(path + len, "-mesh", sizeof("-mesh"));
        execv(path, argv);
    }
    execv(HL_LIBEXECDIR "/hlctl-mesh", argv);
    trouble_set(t, "HL-FILE-03", "cannot start hlctl-mesh");
    return trouble_why(t, "%s: %s", HL_LIBEXECDIR "/hlctl-mesh", strerror(errno));
}

/* "--version" is what every program is asked. */
static bool is_version(int argc, char **argv)
{
    return argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0);
}

int main(int argc, char **argv)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const char *const version[] = {argv[0], "version"};
    bool asks_version = is_version(argc, argv);
    struct invocation *in;
    struct trouble t = {0};
    struct hlctl h;

    set_signals();
    int rc = parse_line(a, asks_version ? 2 : argc,
                        asks_version ? version : (const char *const *)argv, environment, &in, &t);
    hlctl_init(&h, a, in);
    const struct verb *v = invocation_verb(in);
    if (rc == 0 && (!v || invocation_wants_help(in)))
        show_help(&h, argc > 1 ? argv[1] : NULL);
    else if (rc == 0)
        rc = v->run ? v->run(&h, &t) : become_mesh(argv, &t);
    if (h.needs_mesh)
        rc = become_mesh(argv, &t);

    int written = hlctl_flush(&h) ? 0 : errno;
    if (written != 0 && written != EPIPE && rc == 0)
        rc = trouble_set(&t, "HL-FILE-02", "cannot write to stdout: %s", strerror(written));
    if (t.page)
        complain(a, &t, hlctl_is_document(&h));
    hlctl_deinit(&h);
    return rc;
}
