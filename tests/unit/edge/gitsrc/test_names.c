/* URLs, paths, branches, known hosts and trailers: what is let in and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "edge/gitsrc/knownhosts.h"
#include "edge/gitsrc/sha1.h"
#include "edge/gitsrc/trailer.h"
#include "edge/gitsrc/url.h"

static void urls_are_taken_apart(void **state)
{
    static const struct {
        const char *text;
        struct git_url want;
    } good[] = {
        {"/srv/x.git", {GIT_URL_PATH, 0, "", "", "/srv/x.git"}},
        {"file:///srv/a b.git", {GIT_URL_PATH, 0, "", "", "/srv/a b.git"}},
        {"http://h/x", {GIT_URL_HTTP, 0, "", "h", "/x"}},
        {"https://user@h:8443/x/y.git", {GIT_URL_HTTPS, 8443, "user", "h", "/x/y.git"}},
        {"ssh://git@h:2222/~/x", {GIT_URL_SSH, 2222, "git", "h", "/~/x"}},
        {"ssh://git@[::1]:22/x", {GIT_URL_SSH, 22, "git", "::1", "/x"}},
        {"git@github.com:a/b.git", {GIT_URL_SSH, 0, "git", "github.com", "a/b.git"}},
        {"host:path", {GIT_URL_SSH, 0, "", "host", "path"}},
    };
    struct git_url url;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(good); i++) {
        if (git_url_parse(str_from(good[i].text), &url, &err) != 0)
            fail_msg("%s: %s", good[i].text, err.text);
        assert_int_equal(url.kind, good[i].want.kind);
        assert_int_equal(url.port, good[i].want.port);
        assert_string_equal(url.user, good[i].want.user);
        assert_string_equal(url.host, good[i].want.host);
        assert_string_equal(url.path, good[i].want.path);
    }
}

static void urls_that_are_not_ours_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "relative",
        "./x",
        "file://host/x",
        "file:///a%20b",
        "ftp://h/x",
        "git://h/x",
        "ext::sh -c x",
        "http://",
        "http:///x",
        "http://h",
        "http://h:99999/x",
        "http://h:x/x",
        "http://a:b@h/x",
        "https://h/x y",
        "https://h/\x01",
        "https://h\xc3\xa4/x",
        "ssh://-oProxyCommand=x/y",
        "-oProxyCommand=x:y",
        "ssh://[::1/x",
        "ssh://[::1]x/y",
        "user@host:",
        "/a\nb",
    };
    struct git_url url;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++)
        if (git_url_parse(str_from(bad[i]), &url, &err) != HL_EINVAL)
            fail_msg("'%s' was let in", bad[i]);
    char longest[GIT_URL_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    assert_int_equal(git_url_parse((struct str){longest, GIT_URL_MAX}, &url, &err), 0);
    assert_int_equal(git_url_parse((struct str){longest, GIT_URL_MAX + 1}, &url, &err), HL_EINVAL);
}

static void only_loopback_is_loopback(void **state)
{
    static const char *const yes[] = {"http://localhost/x", "http://127.0.0.1/x",
                                      "http://127.9.9.9:80/x", "http://[::1]/x"};
    static const char *const no[] = {"http://localhost.evil/x", "http://127.0.0.1.evil/x",
                                     "http://128.0.0.1/x", "http://0.0.0.0/x", "http://127.1/x"};
    struct git_url url;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(yes); i++) {
        assert_int_equal(git_url_parse(str_from(yes[i]), &url, &err), 0);
        assert_true(git_url_is_loopback(&url));
    }
    for (size_t i = 0; i < HL_COUNT(no); i++) {
        assert_int_equal(git_url_parse(str_from(no[i]), &url, &err), 0);
        assert_false(git_url_is_loopback(&url));
    }
}

static void branches_are_names_not_expressions(void **state)
{
    static const char *const bad[] = {
        "",     "-x",     "a..b",       "a@{1}", "a b",         "a~1",          "a^",   "a:b",
        "a?b",  "a*",     "[a]",        "a\\b",  "/a",          "a/",           "a//b", ".a",
        "a/.b", "a.lock", "a/b.lock/c", "a.",    "refs/heads/", "refs/heads/-x"};
    char ref[GIT_REF_MAX];
    struct err err;

    (void)state;
    assert_int_equal(git_branch_ref(STR("main"), ref, &err), 0);
    assert_string_equal(ref, "refs/heads/main");
    assert_int_equal(git_branch_ref(STR("refs/heads/feature/x"), ref, &err), 0);
    assert_string_equal(ref, "refs/heads/feature/x");
    for (size_t i = 0; i < HL_COUNT(bad); i++)
        if (git_branch_ref(str_from(bad[i]), ref, &err) != HL_EINVAL)
            fail_msg("'%s' was let in", bad[i]);
}

static void path_limits_are_exact(void **state)
{
    char path[REPO_PATH_MAX + 2];
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(path); i++)
        path[i] = i % 100 == 99 ? '/' : 'a';
    assert_int_equal(git_path_check((struct str){path, REPO_PATH_MAX}, false, &err), 0);
    assert_int_equal(git_path_check((struct str){path, REPO_PATH_MAX + 1}, false, &err), HL_EINVAL);
    memset(path, 'a', sizeof(path));
    assert_int_equal(git_path_check((struct str){path, REPO_PATH_PART_MAX}, false, &err), 0);
    assert_int_equal(git_path_check((struct str){path, REPO_PATH_PART_MAX + 1}, false, &err),
                     HL_EINVAL);
    assert_int_equal(git_path_check(STR_NONE, true, &err), 0);
    assert_int_equal(git_path_check(STR_NONE, false, &err), HL_EINVAL);
    assert_int_equal(git_path_check((struct str){"a\0b", 3}, false, &err), HL_EINVAL);
    assert_int_equal(git_path_check(STR(".github/.gitignore"), false, &err), 0);
}

/* ---- known_hosts: two keys made up for these tests, in the wire form of RFC 4253 6.6 ---- */

#define ED_A "\0\0\0\013ssh-ed25519\0\0\0\004AAAA"
#define ED_B "\0\0\0\013ssh-ed25519\0\0\0\004BBBB"
#define ED_A64 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAABEFBQUE="
#define ED_B64 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAABEJCQkI="
#define RSA_64 "ssh-rsa AAAAB3NzaC1yc2EAAAAEQUFBQQ=="

static enum knownhosts_verdict verdict(const char *file, const char *host, uint16_t port,
                                       struct str key)
{
    return knownhosts_check(str_from(file), str_from(host), port, key);
}

static void a_key_is_known_by_host_and_port(void **state)
{
    (void)state;
    assert_int_equal(verdict("h " ED_A64 "\n", "h", 22, STR(ED_A)), KNOWNHOSTS_KNOWN);
    assert_int_equal(verdict("h " ED_A64 "\n", "H", 22, STR(ED_A)), KNOWNHOSTS_KNOWN);
    assert_int_equal(verdict("# c\n\nx,h,y " ED_A64 " note\r\n", "h", 22, STR(ED_A)),
                     KNOWNHOSTS_KNOWN);
    assert_int_equal(verdict("[h]:2222 " ED_A64, "h", 2222, STR(ED_A)), KNOWNHOSTS_KNOWN);
    assert_int_equal(verdict("h " ED_A64, "h", 2222, STR(ED_A)), KNOWNHOSTS_UNKNOWN);
    assert_int_equal(verdict("[h]:2222 " ED_A64, "h", 22, STR(ED_A)), KNOWNHOSTS_UNKNOWN);
    assert_int_equal(verdict("hh " ED_A64, "h", 22, STR(ED_A)), KNOWNHOSTS_UNKNOWN);
    assert_int_equal(verdict("", "h", 22, STR(ED_A)), KNOWNHOSTS_UNKNOWN);
}

static void a_changed_key_is_worse_than_one_of_another_type(void **state)
{
    (void)state;
    assert_int_equal(verdict("h " ED_B64, "h", 22, STR(ED_A)), KNOWNHOSTS_CHANGED);
    assert_int_equal(verdict("h " RSA_64, "h", 22, STR(ED_A)), KNOWNHOSTS_OTHER_KEY);
    assert_int_equal(verdict("h " RSA_64 "\nh " ED_B64, "h", 22, STR(ED_A)), KNOWNHOSTS_CHANGED);
    assert_int_equal(verdict("h " ED_B64 "\nh " ED_A64, "h", 22, STR(ED_A)), KNOWNHOSTS_KNOWN);
    assert_int_equal(verdict("h " ED_A64 "\n@revoked h " ED_A64, "h", 22, STR(ED_A)),
                     KNOWNHOSTS_REVOKED);
    assert_int_equal(verdict("h " ED_A64 "\n@revoked * " ED_B64, "h", 22, STR(ED_A)),
                     KNOWNHOSTS_KNOWN);
}

static void patterns_negation_and_hashed_names_work(void **state)
{
    /* HMAC-SHA-1 of "h" under a salt of twenty "s" bytes, as ssh-keygen -H writes it. */
    char line[300], salt64[] = "c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M=";
    unsigned char mac[SHA1_BYTES];
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char mac64[32];
    size_t len = 0;
    uint32_t bits = 0;
    unsigned bit_count = 0;

    (void)state;
    assert_int_equal(verdict("*.lan " ED_A64, "git.lan", 22, STR(ED_A)), KNOWNHOSTS_KNOWN);
    assert_int_equal(verdict("g?t.lan " ED_A64, "git.lan", 22, STR(ED_A)), KNOWNHOSTS_KNOWN);
    assert_int_equal(verdict("*.lan,!git.lan " ED_A64, "git.lan", 22, STR(ED_A)),
                     KNOWNHOSTS_UNKNOWN);
    assert_int_equal(
        verdict("**a*b*c*d " ED_A64, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 22, STR(ED_A)),
        KNOWNHOSTS_UNKNOWN);
    hmac_sha1(STR("ssssssssssssssssssss"), STR("h"), mac);
    for (size_t i = 0; i < sizeof(mac); i++) {
        bits = bits << 8 | mac[i];
        for (bit_count += 8; bit_count >= 6; bit_count -= 6)
            mac64[len++] = digits[bits >> (bit_count - 6) & 63];
    }
    mac64[len++] = digits[bits << (6 - bit_count) & 63];
    mac64[len] = '\0';
    snprintf(line, sizeof(line), "|1|%s|%s= %s", salt64, mac64, ED_A64);
    assert_int_equal(verdict(line, "h", 22, STR(ED_A)), KNOWNHOSTS_KNOWN);
    assert_int_equal(verdict(line, "i", 22, STR(ED_A)), KNOWNHOSTS_UNKNOWN);
    assert_int_equal(verdict("|1|short|x " ED_A64, "h", 22, STR(ED_A)), KNOWNHOSTS_UNKNOWN);
}

static void lines_that_make_no_sense_make_nobody_known(void **state)
{
    static const char *const line[] = {"h",
                                       "h ssh-ed25519",
                                       "h ssh-ed25519 !!!!",
                                       "@cert-authority h " ED_A64,
                                       "@marker h " ED_A64,
                                       "@revoked",
                                       "| " ED_A64,
                                       "|1| " ED_A64,
                                       "|1|| " ED_A64,
                                       ", " ED_A64};

    (void)state;
    for (size_t i = 0; i < HL_COUNT(line); i++)
        if (verdict(line[i], "h", 22, STR(ED_A)) != KNOWNHOSTS_UNKNOWN)
            fail_msg("'%s' counted", line[i]);
    assert_int_equal(verdict("h " ED_A64, "h", 22, STR_NONE), KNOWNHOSTS_OTHER_KEY);
}

static void selected_lines_are_plain_and_strongest_first(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str file = STR("*:* x\n[h*]:7 " RSA_64 "\n@revoked [h]:7 " ED_B64 "\n[h]:7 " ED_A64);

    (void)state;
    assert_int_equal(knownhosts_select(file, STR("h"), 7, &out), 2);
    assert_true(str_eq(buf_str(&out), STR("[h]:7 " ED_A64 "\n[h]:7 " RSA_64 "\n")));
}

static void hmac_sha1_agrees_with_rfc_2202(void **state)
{
    unsigned char out[SHA1_BYTES];
    char hex[2 * SHA1_BYTES + 1];

    (void)state;
    hmac_sha1(STR("Jefe"), STR("what do ya want for nothing?"), out);
    hex_encode(out, sizeof(out), hex);
    assert_string_equal(hex, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

/* ---- trailers ---- */

static void trailers_are_read_from_the_last_paragraph_only(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    struct trailer t;

    (void)state;
    trailer_write(&b, STR("Hlmesh-App: fake"),
                  &(struct trailer){STR("h/x"), 7, STR("a"), STR("r")});
    assert_true(trailer_read(buf_str(&b), &t));
    assert_true(str_eq(t.app, STR("h/x")));
    assert_int_equal(t.epoch, 7);
    assert_false(
        trailer_read(STR("x\n\nHlmesh-App: h/x\nHlmesh-Lease: 7\n\nSigned-off-by: y"), &t));
    assert_false(trailer_read(STR("x\n\nHlmesh-App: h/x\n"), &t));
    assert_false(trailer_read(STR("x\n\nHlmesh-App: h/x\nHlmesh-Lease: -1\n"), &t));
    assert_false(trailer_read(STR("x\n\nHlmesh-App: h/x\nHlmesh-Lease: 0\n"), &t));
    assert_false(trailer_read(STR("x\n\nHlmesh-App: a\nHlmesh-App: b\nHlmesh-Lease: 1\n"), &t));
    assert_false(trailer_read(STR("x\n\nHlmesh-App: a\nHlmesh-Lease: 99999999999999999999\n"), &t));
    assert_false(trailer_read(STR_NONE, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(urls_that_are_not_ours_are_refused),
        cmocka_unit_test(only_loopback_is_loopback),
        cmocka_unit_test(branches_are_names_not_expressions),
        cmocka_unit_test(path_limits_are_exact),
        cmocka_unit_test(a_key_is_known_by_host_and_port),
        cmocka_unit_test(a_changed_key_is_worse_than_one_of_another_type),
        cmocka_unit_test(patterns_negation_and_hashed_names_work),
        cmocka_unit_test(lines_that_make_no_sense_make_nobody_known),
        cmocka_unit_test(selected_lines_are_plain_and_strongest_first),
        cmocka_unit_test(hmac_sha1_agrees_with_rfc_2202),
        cmocka_unit_test(trailers_are_read_from_the_last_paragraph_only),
    };
    return cmocka_run_group_tests_name("edge/gitsrc names", tests, NULL, NULL);
}
