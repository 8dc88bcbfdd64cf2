/* accept, read up to the blank line, answer, hang up. */
#include "support/fake_web.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 32768 };

struct fake_web {
    fake_handler handle;
    void *context;
    int fd;
    int stop[2];
    unsigned port;
    atomic_uint count;
    pthread_t thread;
};

/* False: the client went, or the server is to stop. */
static bool wait_for(const struct fake_web *f, int fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = f->stop[0], .events = POLLIN}};

    return poll(p, 2, -1) > 0 && p[1].revents == 0;
}

static size_t read_request(const struct fake_web *f, int fd, char *text)
{
    size_t len = 0;

    while (len < REQUEST_MAX && wait_for(f, fd)) {
        ssize_t n = recv(fd, text + len, REQUEST_MAX - len, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        if (str_find((struct str){text, len}, STR("\r\n\r\n"), 0) != SIZE_MAX)
            return len;
    }
    return 0;
}

static void serve(struct fake_web *f, int fd)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    char text[REQUEST_MAX];
    char scrap[64];
    struct str rest = {text, read_request(f, fd, text)};

    if (rest.len == 0)
        return;
    struct str line = str_cut(&rest, '\n');
    (void)str_cut(&line, ' ');
    struct fake_request request = {str_cut(&line, ' '), rest};
    atomic_fetch_add(&f->count, 1);
    if (f->handle(f->context, &request, &out) == FAKE_SILENT) {
        while (wait_for(f, fd) && recv(fd, scrap, sizeof(scrap), 0) > 0)
            continue;
        return;
    }
    for (size_t done = 0; done < out.len;) {
        ssize_t n = send(fd, out.ptr + done, out.len - done, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

static void *run(void *context)
{
    struct fake_web *f = context;

    while (wait_for(f, f->fd)) {
        int fd = accept(f->fd, NULL, NULL);
        if (fd < 0)
            continue;
        serve(f, fd);
        close(fd);
    }
    return NULL;
}

struct fake_web *fake_web_new(fake_handler handle, void *context)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct fake_web *f = hl_calloc(1, sizeof(*f));
    socklen_t len = sizeof(at);

    f->handle = handle;
    f->context = context;
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f->fd < 0 || bind(f->fd, (struct sockaddr *)&at, len) < 0 || listen(f->fd, 16) < 0 ||
        getsockname(f->fd, (struct sockaddr *)&at, &len) < 0 || pipe(f->stop) < 0)
        hl_die("fake web");
    f->port = ntohs(at.sin_port);
    if (pthread_create(&f->thread, NULL, run, f) != 0)
        hl_die("fake web: thread");
    return f;
}

void fake_web_free(struct fake_web *f)
{
    if (!f)
        return;
    if (write(f->stop[1], "x", 1) != 1)
        hl_die("fake web: stop");
    pthread_join(f->thread, NULL);
    close(f->stop[0]);
    close(f->stop[1]);
    close(f->fd);
    free(f);
}

unsigned fake_web_port(const struct fake_web *f)
{
    return f->port;
}

unsigned fake_web_count(const struct fake_web *f)
{
    return atomic_load(&f->count);
}

struct str fake_header(const struct fake_request *request, const char *name)
{
    struct str rest = request->header;

    while (rest.len > 0) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        struct str value = line;
        struct str key = str_cut(&value, ':');
        if (str_eq(key, str_from(name)))
            return str_trim(value);
    }
    return STR_NONE;
}

void fake_answer(struct buf *out, unsigned status, const char *headers, struct str body)
{
    buf_printf(out, "HTTP/1.1 %u x\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
               headers, body.len);
    buf_add(out, body);
}
