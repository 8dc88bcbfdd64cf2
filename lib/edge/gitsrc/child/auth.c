/*
 * Who we are and who they are. Callbacks run inside libgit2: they put what they refuse into
 * far->why, which wins over the library's own text.
 */
#include "edge/gitsrc/child/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/gitsrc/knownhosts.h"

enum { SECRET_MAX_BYTES = 16 * 1024, KNOWN_HOSTS_MAX_BYTES = 4 * 1024 * 1024 };

/* Reads a small file; secret ones may not be open to others. */
static int read_small(struct str path, size_t max_bytes, bool is_secret, struct buf *out,
                      struct err *err)
{
    char name[4096];
    struct stat st;

    snprintf(name, sizeof(name), STR_FMT, STR_ARG(path));
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, HL_EDENIED, "%s", name);
    int rc = 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        rc = err_set(err, HL_EDENIED, "%s: not a regular file", name);
    else if (is_secret && (st.st_mode & S_IRWXO))
        rc = err_set(err, HL_EDENIED, "%s may be read by everybody (mode %03o): chmod 600 it", name,
                     st.st_mode & 0777u);
    else if ((uint64_t)st.st_size > max_bytes)
        rc = err_set(err, HL_EDENIED, "%s: larger than %zu bytes", name, max_bytes);
    while (rc == 0 && out->len <= max_bytes) {
        ssize_t n = read(fd, buf_reserve(out, 4096), 4096);
        if (n == 0)
            break;
        if (n < 0)
            rc = err_errno(err, HL_EDENIED, "%s", name);
        else
            buf_commit(out, (size_t)n);
    }
    close(fd);
    return rc;
}

/* ---- before connecting ---- */

static int load_certificates(struct child *c, struct err *err)
{
    static const char *const system_file[] = {"/etc/ssl/certs/ca-certificates.crt",
                                              "/etc/pki/tls/certs/ca-bundle.crt",
                                              "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    const char *file = NULL;

    if (c->has_certificates)
        return 0;
    if (c->auth.ca_file.len > 0)
        file = c->auth.ca_file.ptr;
    for (size_t i = 0; !file && i < HL_COUNT(system_file); i++)
        if (access(system_file[i], R_OK) == 0)
            file = system_file[i];
    if (!file)
        return err_set(err, HL_EDENIED,
                       "no certificate authorities found on this system: name a ca_file");
    if (git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, NULL) < 0)
        return err_set(err, HL_EDENIED, "ca_file %s: %s", file,
                       git_error_last() ? git_error_last()->message : "not readable");
    c->has_certificates = true;
    return 0;
}

static int read_known_hosts(const struct child *c, struct buf *out, struct err *err)
{
    if (c->auth.ssh_known_hosts_file.len == 0)
        return err_set(err, HL_EDENIED,
                       "ssh to %s needs a known_hosts file: make one with ssh-keyscan and compare "
                       "its fingerprints with the host's",
                       c->url.host);
    return read_small(c->auth.ssh_known_hosts_file, KNOWN_HOSTS_MAX_BYTES, false, out, err);
}

/*
 * libgit2 asks the server for the type of key that ~/.ssh/known_hosts lists; without one libssh2
 * asks for its own favourite, which our file may not have. So the lines that count are put there,
 * unhashed. The verdict stays ours (auth_certificate).
 */
static int place_known_hosts(const struct child *c, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    HL_CLEANUP(buf_deinit) struct buf lines = {0};
    char path[4096];

    int rc = read_known_hosts(c, &text, err);
    if (rc < 0)
        return rc;
    knownhosts_select(buf_str(&text), str_from(c->url.host), c->url.port, &lines);
    snprintf(path, sizeof(path), "%s/hlmesh/.ssh/known_hosts", c->dir);
    FILE *f = fopen(path, "we");
    if (!f)
        return err_errno(err, HL_EIO, "%s", path);
    bool is_written = fwrite(lines.ptr ? lines.ptr : "", 1, lines.len, f) == lines.len;
    if (fclose(f) != 0 || !is_written)
        return err_errno(err, HL_EIO, "%s", path);
    return 0;
}

int auth_prepare(struct child *c, struct err *err)
{
    if (c->url.kind == GIT_URL_HTTPS)
        return load_certificates(c, err);
    if (c->url.kind == GIT_URL_SSH)
        return place_known_hosts(c, err);
    return 0;
}

/* ---- credentials ---- */

static int refuse(int rc, const char *text)
{
    git_error_set_str(GIT_ERROR_CALLBACK, text);
    return rc;
}

static int give_key(struct far *f, const char *user, unsigned allowed, git_credential **out)
{
    struct child *c = f->child;
    HL_CLEANUP(buf_deinit) struct buf key = {0};

    if (!user || !user[0])
        user = c->url.user[0] ? c->url.user : "git";
    if (allowed & GIT_CREDENTIAL_USERNAME)
        return git_credential_username_new(out, user);
    if (!(allowed & GIT_CREDENTIAL_SSH_KEY)) {
        err_set(&f->why, HL_EDENIED, "%s does not accept ssh keys from user '%s'", c->url.host,
                user);
        return refuse(GIT_EUSER, f->why.text);
    }
    if (c->auth.ssh_key_file.len == 0) {
        err_set(&f->why, HL_EDENIED, "%s asks for an ssh key, none is configured", c->url.host);
        return refuse(GIT_EUSER, f->why.text);
    }
    if (f->attempt_count++ > 0) {
        err_set(&f->why, HL_EDENIED,
                "%s refused the key " STR_FMT " for user '%s': is its public half registered "
                "there (as deploy key, with write access for a state repository)?",
                c->url.host, STR_ARG(c->auth.ssh_key_file), user);
        return refuse(GIT_EUSER, f->why.text);
    }
    if (read_small(c->auth.ssh_key_file, SECRET_MAX_BYTES, true, &key, &f->why) < 0)
        return refuse(GIT_EUSER, f->why.text);
    explicit_bzero(key.ptr, key.len); /* only its file's mode was of interest */
    return git_credential_ssh_key_new(out, user, NULL, c->auth.ssh_key_file.ptr, NULL);
}

static int give_token(struct far *f, unsigned allowed, git_credential **out)
{
    struct child *c = f->child;
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const char *user = c->auth.http_user.len > 0 ? c->auth.http_user.ptr
                       : c->url.user[0]          ? c->url.user
                                                 : "git";

    if (!(allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT))
        err_set(&f->why, HL_EDENIED, "%s asks for a kind of authentication other than basic",
                c->url.host);
    else if (c->auth.http_token_file.len == 0)
        err_set(&f->why, HL_EDENIED,
                "%s asks for credentials (401) and no token file is configured; hosts also answer "
                "so for repositories that do not exist",
                c->url.host);
    else if (f->attempt_count++ > 0)
        err_set(&f->why, HL_EDENIED,
                "%s refused user '%s' with the token in " STR_FMT
                ": is it expired, or without access to this repository?",
                c->url.host, user, STR_ARG(c->auth.http_token_file));
    else if (c->url.kind == GIT_URL_HTTP && !git_url_is_loopback(&c->url))
        err_set(&f->why, HL_EDENIED, "a token is not sent to %s over plain http: use https",
                c->url.host);
    else
        (void)read_small(c->auth.http_token_file, SECRET_MAX_BYTES, true, &text, &f->why);
    if (f->why.code < 0)
        return refuse(GIT_EUSER, f->why.text);

    struct str token = str_trim(buf_str(&text));
    char room[SECRET_MAX_BYTES + 1];
    snprintf(room, sizeof(room), STR_FMT, STR_ARG(token));
    int rc = git_credential_userpass_plaintext_new(out, user, room);
    explicit_bzero(room, sizeof(room));
    explicit_bzero(text.ptr, text.len);
    return rc;
}

int auth_credentials(git_credential **out, const char *url, const char *user, unsigned allowed,
                     void *payload)
{
    struct far *f = payload;

    (void)url;
    if (f->child->url.kind == GIT_URL_SSH)
        return give_key(f, user, allowed, out);
    return give_token(f, allowed, out);
}

/* ---- certificates and host keys ---- */

static int judge_host_key(struct far *f, const git_cert_hostkey *key)
{
    struct child *c = f->child;
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    char print[KNOWNHOSTS_PRINT_MAX] = "of unknown fingerprint";
    uint16_t port = c->url.port ? c->url.port : 22;

    if (!(key->type & GIT_CERT_SSH_RAW))
        return err_set(&f->why, HL_EDENIED, "%s showed no host key", c->url.host);
    if (key->type & GIT_CERT_SSH_SHA256)
        knownhosts_print(key->hash_sha256, print);
    int rc = read_known_hosts(c, &text, &f->why);
    if (rc < 0)
        return rc;
    switch (knownhosts_check(buf_str(&text), str_from(c->url.host), port,
                             (struct str){key->hostkey, key->hostkey_len})) {
    case KNOWNHOSTS_KNOWN:
        return 0;
    case KNOWNHOSTS_UNKNOWN:
        return err_set(&f->why, HL_EDENIED,
                       "host key of %s is not known: it showed %s; compare that with the host's, "
                       "then add it: ssh-keyscan -p %u %s >> " STR_FMT,
                       c->url.host, print, port, c->url.host,
                       STR_ARG(c->auth.ssh_known_hosts_file));
    case KNOWNHOSTS_OTHER_KEY:
        return err_set(&f->why, HL_EDENIED,
                       "%s showed a host key (%s) of a type that " STR_FMT
                       " does not list: add it with ssh-keyscan -p %u %s after comparing",
                       c->url.host, print, STR_ARG(c->auth.ssh_known_hosts_file), port,
                       c->url.host);
    case KNOWNHOSTS_CHANGED:
        return err_set(&f->why, HL_EDENIED,
                       "HOST KEY OF %s HAS CHANGED to %s: somebody may be listening in. If the "
                       "host was set up anew, replace its lines in " STR_FMT,
                       c->url.host, print, STR_ARG(c->auth.ssh_known_hosts_file));
    case KNOWNHOSTS_REVOKED:
        break;
    }
    return err_set(&f->why, HL_EDENIED, "the host key that %s showed (%s) is marked @revoked",
                   c->url.host, print);
}

int auth_certificate(git_cert *cert, int is_valid, const char *host, void *payload)
{
    struct far *f = payload;
    const git_error *e = git_error_last();

    (void)host; /* libgit2 leaves the port out; the configured URL has both */
    if (cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2) {
        const void *key = cert;
        if (judge_host_key(f, key) == 0)
            return 0;
    } else if (cert->cert_type == GIT_CERT_X509 && is_valid) {
        return 0;
    } else {
        err_set(&f->why, HL_EDENIED,
                "the certificate of %s is not trusted (%s): name the authority that signed it in "
                "ca_file",
                f->child->url.host, e && e->message ? e->message : "no reason given");
    }
    return refuse(GIT_ECERTIFICATE, f->why.text);
}
