/* URLs: what Go's own tables of net/url come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/gostd/url.h"
#include "support/corpus.h"

#include "fuzz/fuzz_url.c"

static struct arena *a;

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static const struct {
    struct str text;
    const char *parts;   /* or why it is refused */
    const char *written; /* NULL: it is refused */
} parsed[] = {
    {STR("http://www.google.com"), "scheme=http host=www.google.com hostname=www.google.com",
     "http://www.google.com"},
    {STR("http://www.google.com/"),
     "scheme=http host=www.google.com hostname=www.google.com path=/", "http://www.google.com/"},
    {STR("http://www.google.com/file%20one%26two"),
     "scheme=http host=www.google.com hostname=www.google.com path=/file one&two "
     "raw_path=/file%20one%26two",
     "http://www.google.com/file%20one%26two"},
    {STR("http://www.google.com/#file%20one%26two"),
     "scheme=http host=www.google.com hostname=www.google.com path=/ fragment=file one&two "
     "raw_fragment=file%20one%26two",
     "http://www.google.com/#file%20one%26two"},
    {STR("ftp://webmaster@www.google.com/"),
     "scheme=ftp user=webmaster host=www.google.com hostname=www.google.com path=/",
     "ftp://webmaster@www.google.com/"},
    {STR("ftp://john%20doe@www.google.com/"),
     "scheme=ftp user=john%20doe host=www.google.com hostname=www.google.com path=/",
     "ftp://john%20doe@www.google.com/"},
    {STR("http://www.google.com/?"),
     "scheme=http host=www.google.com hostname=www.google.com path=/ question",
     "http://www.google.com/?"},
    {STR("http://www.google.com/?foo=bar?"),
     "scheme=http host=www.google.com hostname=www.google.com path=/ query=foo=bar?",
     "http://www.google.com/?foo=bar?"},
    {STR("http://www.google.com/?q=go+language"),
     "scheme=http host=www.google.com hostname=www.google.com path=/ query=q=go+language",
     "http://www.google.com/?q=go+language"},
    {STR("http://www.google.com/?q=go%20language"),
     "scheme=http host=www.google.com hostname=www.google.com path=/ query=q=go%20language",
     "http://www.google.com/?q=go%20language"},
    {STR("http://www.google.com/a%20b?q=c+d"),
     "scheme=http host=www.google.com hostname=www.google.com path=/a b query=q=c+d",
     "http://www.google.com/a%20b?q=c+d"},
    {STR("http:www.google.com/?q=go+language"),
     "scheme=http opaque=www.google.com/ query=q=go+language",
     "http:www.google.com/?q=go+language"},
    {STR("http:%2f%2fwww.google.com/?q=go+language"),
     "scheme=http opaque=%2f%2fwww.google.com/ query=q=go+language",
     "http:%2f%2fwww.google.com/?q=go+language"},
    {STR("mailto:/webmaster@golang.org"), "scheme=mailto path=/webmaster@golang.org omits_host",
     "mailto:/webmaster@golang.org"},
    {STR("mailto:webmaster@golang.org"), "scheme=mailto opaque=webmaster@golang.org",
     "mailto:webmaster@golang.org"},
    {STR("/foo?query=http://bad"), "path=/foo query=query=http://bad", "/foo?query=http://bad"},
    {STR("//foo"), "host=foo hostname=foo", "//foo"},
    {STR("//user@foo/path?a=b"), "user=user host=foo hostname=foo path=/path query=a=b",
     "//user@foo/path?a=b"},
    {STR("///threeslashes"), "path=///threeslashes", "///threeslashes"},
    {STR("http://user:password@google.com"),
     "scheme=http user=user:password host=google.com hostname=google.com",
     "http://user:password@google.com"},
    {STR("http://j@ne:password@google.com"),
     "scheme=http user=j%40ne:password host=google.com hostname=google.com",
     "http://j%40ne:password@google.com"},
    {STR("http://jane:p@ssword@google.com"),
     "scheme=http user=jane:p%40ssword host=google.com hostname=google.com",
     "http://jane:p%40ssword@google.com"},
    {STR("http://j@ne:password@google.com/p@th?q=@go"),
     "scheme=http user=j%40ne:password host=google.com hostname=google.com path=/p@th query=q=@go",
     "http://j%40ne:password@google.com/p@th?q=@go"},
    {STR("http://www.google.com/?q=go+language#foo"),
     "scheme=http host=www.google.com hostname=www.google.com path=/ query=q=go+language "
     "fragment=foo",
     "http://www.google.com/?q=go+language#foo"},
    {STR("http://www.google.com/?q=go+language#foo&bar"),
     "scheme=http host=www.google.com hostname=www.google.com path=/ query=q=go+language "
     "fragment=foo&bar",
     "http://www.google.com/?q=go+language#foo&bar"},
    {STR("http://www.google.com/?q=go+language#foo%26bar"),
     "scheme=http host=www.google.com hostname=www.google.com path=/ query=q=go+language "
     "fragment=foo&bar raw_fragment=foo%26bar",
     "http://www.google.com/?q=go+language#foo%26bar"},
    {STR("file:///home/adg/rabbits"), "scheme=file path=/home/adg/rabbits",
     "file:///home/adg/rabbits"},
    {STR("file:///C:/FooBar/Baz.txt"), "scheme=file path=/C:/FooBar/Baz.txt",
     "file:///C:/FooBar/Baz.txt"},
    {STR("MaIlTo:webmaster@golang.org"), "scheme=mailto opaque=webmaster@golang.org",
     "mailto:webmaster@golang.org"},
    {STR("a/b/c"), "path=a/b/c", "a/b/c"},
    {STR("http://%3Fam:pa%3Fsword@google.com"),
     "scheme=http user=%3Fam:pa%3Fsword host=google.com hostname=google.com",
     "http://%3Fam:pa%3Fsword@google.com"},
    {STR("http://192.168.0.1/"), "scheme=http host=192.168.0.1 hostname=192.168.0.1 path=/",
     "http://192.168.0.1/"},
    {STR("http://192.168.0.1:8080/"),
     "scheme=http host=192.168.0.1:8080 hostname=192.168.0.1 path=/", "http://192.168.0.1:8080/"},
    {STR("http://[fe80::1]/"), "scheme=http host=[fe80::1] hostname=fe80::1 path=/",
     "http://[fe80::1]/"},
    {STR("http://[fe80::1]:8080/"), "scheme=http host=[fe80::1]:8080 hostname=fe80::1 path=/",
     "http://[fe80::1]:8080/"},
    {STR("https://[2001:db8::1]:8443/test/path"),
     "scheme=https host=[2001:db8::1]:8443 hostname=2001:db8::1 path=/test/path",
     "https://[2001:db8::1]:8443/test/path"},
    {STR("http://[fe80::1%25en0]/"), "scheme=http host=[fe80::1%en0] hostname=fe80::1%en0 path=/",
     "http://[fe80::1%25en0]/"},
    {STR("http://[fe80::1%25en0]:8080/"),
     "scheme=http host=[fe80::1%en0]:8080 hostname=fe80::1%en0 path=/",
     "http://[fe80::1%25en0]:8080/"},
    {STR("http://[fe80::1%25%65%6e%301-._~]/"),
     "scheme=http host=[fe80::1%en01-._~] hostname=fe80::1%en01-._~ path=/",
     "http://[fe80::1%25en01-._~]/"},
    {STR("http://[fe80::1%25%65%6e%301-._~]:8080/"),
     "scheme=http host=[fe80::1%en01-._~]:8080 hostname=fe80::1%en01-._~ path=/",
     "http://[fe80::1%25en01-._~]:8080/"},
    {STR("http://rest.rsc.io/foo%2fbar/baz%2Fquux?alt=media"),
     "scheme=http host=rest.rsc.io hostname=rest.rsc.io path=/foo/bar/baz/quux "
     "raw_path=/foo%2fbar/baz%2Fquux query=alt=media",
     "http://rest.rsc.io/foo%2fbar/baz%2Fquux?alt=media"},
    {STR("mysql://a,b,c/bar"), "scheme=mysql host=a,b,c hostname=a,b,c path=/bar",
     "mysql://a,b,c/bar"},
    {STR("scheme://!$&'()*+,;=hello!:1/path"),
     "scheme=scheme host=!$&'()*+,;=hello!:1 hostname=!$&'()*+,;=hello! path=/path",
     "scheme://!$&'()*+,;=hello!:1/path"},
    {STR("http://host/!$&'()*+,;=:@[hello]"),
     "scheme=http host=host hostname=host path=/!$&'()*+,;=:@[hello] "
     "raw_path=/!$&'()*+,;=:@[hello]",
     "http://host/!$&'()*+,;=:@[hello]"},
    {STR("http://example.com/oid/[order_id]"),
     "scheme=http host=example.com hostname=example.com path=/oid/[order_id] "
     "raw_path=/oid/[order_id]",
     "http://example.com/oid/[order_id]"},
    {STR("http://192.168.0.2:8080/foo"),
     "scheme=http host=192.168.0.2:8080 hostname=192.168.0.2 path=/foo",
     "http://192.168.0.2:8080/foo"},
    {STR("http://192.168.0.2:/foo"), "scheme=http host=192.168.0.2: hostname=192.168.0.2 path=/foo",
     "http://192.168.0.2:/foo"},
    {STR("http://[2b01:e34:ef40:7730:8e70:5aff:fefe:edac]:8080/foo"),
     "scheme=http host=[2b01:e34:ef40:7730:8e70:5aff:fefe:edac]:8080 "
     "hostname=2b01:e34:ef40:7730:8e70:5aff:fefe:edac path=/foo",
     "http://[2b01:e34:ef40:7730:8e70:5aff:fefe:edac]:8080/foo"},
    {STR("http://[2b01:e34:ef40:7730:8e70:5aff:fefe:edac]:/foo"),
     "scheme=http host=[2b01:e34:ef40:7730:8e70:5aff:fefe:edac]: "
     "hostname=2b01:e34:ef40:7730:8e70:5aff:fefe:edac path=/foo",
     "http://[2b01:e34:ef40:7730:8e70:5aff:fefe:edac]:/foo"},
    {STR("http://hello.\344\270\226\347\225\214.com/foo"),
     "scheme=http host=hello.\344\270\226\347\225\214.com "
     "hostname=hello.\344\270\226\347\225\214.com path=/foo",
     "http://hello.%E4%B8%96%E7%95%8C.com/foo"},
    {STR("http://hello.%e4%b8%96%e7%95%8c.com/foo"),
     "scheme=http host=hello.\344\270\226\347\225\214.com "
     "hostname=hello.\344\270\226\347\225\214.com path=/foo",
     "http://hello.%E4%B8%96%E7%95%8C.com/foo"},
    {STR("http://hello.%E4%B8%96%E7%95%8C.com/foo"),
     "scheme=http host=hello.\344\270\226\347\225\214.com "
     "hostname=hello.\344\270\226\347\225\214.com path=/foo",
     "http://hello.%E4%B8%96%E7%95%8C.com/foo"},
    {STR("http://example.com//foo"), "scheme=http host=example.com hostname=example.com path=//foo",
     "http://example.com//foo"},
    {STR("myscheme://authority<\"hi\">/foo"),
     "scheme=myscheme host=authority<\"hi\"> hostname=authority<\"hi\"> path=/foo",
     "myscheme://authority<\"hi\">/foo"},
    {STR("tcp://[2020::2020:20:2020:2020%25Windows%20Loves%20Spaces]:2020"),
     "scheme=tcp host=[2020::2020:20:2020:2020%Windows Loves Spaces]:2020 "
     "hostname=2020::2020:20:2020:2020%Windows Loves Spaces",
     "tcp://[2020::2020:20:2020:2020%25Windows%20Loves%20Spaces]:2020"},
    {STR("magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn"),
     "scheme=magnet query=xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn",
     "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn"},
    {STR("mailto:?subject=hi"), "scheme=mailto query=subject=hi", "mailto:?subject=hi"},
    {STR("postgres://host1:1,host2:2,host3:3"),
     "scheme=postgres host=host1:1,host2:2,host3:3 hostname=host1:1,host2:2,host3",
     "postgres://host1:1,host2:2,host3:3"},
    {STR("postgresql://host1:1,host2:2,host3:3"),
     "scheme=postgresql host=host1:1,host2:2,host3:3 hostname=host1:1,host2:2,host3",
     "postgresql://host1:1,host2:2,host3:3"},
    {STR("mongodb://user:password@host1:1,host2:2,host3:3"),
     "scheme=mongodb user=user:password host=host1:1,host2:2,host3:3 "
     "hostname=host1:1,host2:2,host3",
     "mongodb://user:password@host1:1,host2:2,host3:3"},
    {STR("mongodb+srv://user:password@host1:1,host2:2,host3:3"),
     "scheme=mongodb+srv user=user:password host=host1:1,host2:2,host3:3 "
     "hostname=host1:1,host2:2,host3",
     "mongodb+srv://user:password@host1:1,host2:2,host3:3"},
    {STR("http://foo.com"), "scheme=http host=foo.com hostname=foo.com", "http://foo.com"},
    {STR("http://foo.com/"), "scheme=http host=foo.com hostname=foo.com path=/", "http://foo.com/"},
    {STR("http://foo.com/path"), "scheme=http host=foo.com hostname=foo.com path=/path",
     "http://foo.com/path"},
    {STR("/"), "path=/", "/"},
    {STR("//not.a.user@%66%6f%6f.com/just/a/path/also"),
     "parse \"//not.a.user@%66%6f%6f.com/just/a/path/also\": invalid URL escape \"%66\"", NULL},
    {STR("*"), "path=*", "*"},
    {STR("foo.html"), "path=foo.html", "foo.html"},
    {STR("../dir/"), "path=../dir/", "../dir/"},
    {STR(" http://foo.com"),
     "parse \" http://foo.com\": first path segment in URL cannot contain colon", NULL},
    {STR("http://192.168.0.%31/"), "parse \"http://192.168.0.%31/\": invalid URL escape \"%31\"",
     NULL},
    {STR("http://192.168.0.%31:8080/"),
     "parse \"http://192.168.0.%31:8080/\": invalid URL escape \"%31\"", NULL},
    {STR("http://[fe80::%31]/"), "parse \"http://[fe80::%31]/\": invalid URL escape \"%31\"", NULL},
    {STR("http://[fe80::%31]:8080/"),
     "parse \"http://[fe80::%31]:8080/\": invalid URL escape \"%31\"", NULL},
    {STR("http://[fe80::%31%25en0]/"),
     "parse \"http://[fe80::%31%25en0]/\": invalid URL escape \"%31\"", NULL},
    {STR("http://[fe80::%31%25en0]:8080/"),
     "parse \"http://[fe80::%31%25en0]:8080/\": invalid URL escape \"%31\"", NULL},
    {STR("http://[fe80::1%en0]/"), "parse \"http://[fe80::1%en0]/\": invalid URL escape \"%en\"",
     NULL},
    {STR("http://[fe80::1%en0]:8080/"),
     "parse \"http://[fe80::1%en0]:8080/\": invalid URL escape \"%en\"", NULL},
    {STR("https://[1:2:3:4:5:6:7:8]"),
     "scheme=https host=[1:2:3:4:5:6:7:8] hostname=1:2:3:4:5:6:7:8", "https://[1:2:3:4:5:6:7:8]"},
    {STR("https://[2001:db8::a:b:c:d]"),
     "scheme=https host=[2001:db8::a:b:c:d] hostname=2001:db8::a:b:c:d",
     "https://[2001:db8::a:b:c:d]"},
    {STR("https://[fe80::1%25eth0]"), "scheme=https host=[fe80::1%eth0] hostname=fe80::1%eth0",
     "https://[fe80::1%25eth0]"},
    {STR("https://[fe80::abc:def%254]"),
     "scheme=https host=[fe80::abc:def%4] hostname=fe80::abc:def%4", "https://[fe80::abc:def%254]"},
    {STR("https://[2001:db8::1]/path"),
     "scheme=https host=[2001:db8::1] hostname=2001:db8::1 path=/path",
     "https://[2001:db8::1]/path"},
    {STR("https://[fe80::1%25eth0]/path?query=1"),
     "scheme=https host=[fe80::1%eth0] hostname=fe80::1%eth0 path=/path query=query=1",
     "https://[fe80::1%25eth0]/path?query=1"},
    {STR("https://[::ffff:192.0.2.1]"),
     "scheme=https host=[::ffff:192.0.2.1] hostname=::ffff:192.0.2.1",
     "https://[::ffff:192.0.2.1]"},
    {STR("https://[:1] "), "parse \"https://[:1] \": invalid port \" \" after host", NULL},
    {STR("https://[1:2:3:4:5:6:7:8:9]"),
     "parse \"https://[1:2:3:4:5:6:7:8:9]\": invalid host: ParseAddr(\"1:2:3:4:5:6:7:8:9\"): "
     "trailing garbage after address (at \"9\")",
     NULL},
    {STR("https://[1::1::1]"),
     "parse \"https://[1::1::1]\": invalid host: ParseAddr(\"1::1::1\"): multiple :: in address "
     "(at \":1\")",
     NULL},
    {STR("https://[1:2:3:]"),
     "parse \"https://[1:2:3:]\": invalid host: ParseAddr(\"1:2:3:\"): colon must be followed by "
     "more characters (at \":\")",
     NULL},
    {STR("https://[ffff::127.0.0.4000]"),
     "parse \"https://[ffff::127.0.0.4000]\": invalid host: ParseAddr(\"ffff::127.0.0.4000\"): "
     "IPv4 field has value >255",
     NULL},
    {STR("https://[0:0::test.com]:80"),
     "parse \"https://[0:0::test.com]:80\": invalid host: ParseAddr(\"0:0::test.com\"): each "
     "colon-separated field must have at least one digit (at \"test.com\")",
     NULL},
    {STR("https://[2001:db8::test.com]"),
     "parse \"https://[2001:db8::test.com]\": invalid host: ParseAddr(\"2001:db8::test.com\"): "
     "each colon-separated field must have at least one digit (at \"test.com\")",
     NULL},
    {STR("https://[test.com]"),
     "parse \"https://[test.com]\": invalid host: ParseAddr(\"test.com\"): unexpected character "
     "(at \"test.com\")",
     NULL},
    {STR("https://1:2:3:4:5:6:7:8"),
     "parse \"https://1:2:3:4:5:6:7:8\": invalid port \":2:3:4:5:6:7:8\" after host", NULL},
    {STR("https://1:2:3:4:5:6:7:8:80"),
     "parse \"https://1:2:3:4:5:6:7:8:80\": invalid port \":2:3:4:5:6:7:8:80\" after host", NULL},
    {STR("https://example.com:80:"),
     "parse \"https://example.com:80:\": invalid port \":80:\" after host", NULL},
    {STR(""), "", ""},
    {STR("#"), "", ""},
    {STR("a#b%2"), "parse \"a#b%2\": invalid URL escape \"%2\"", NULL},
    {STR("http://[::1"), "parse \"http://[::1\": missing ']' in host", NULL},
    {STR("http://[::1]x"), "parse \"http://[::1]x\": invalid port \"x\" after host", NULL},
    {STR("http://a[b"), "parse \"http://a[b\": invalid IP-literal", NULL},
    {STR("http://[1.2.3.4]/"), "parse \"http://[1.2.3.4]/\": invalid IP-literal", NULL},
    {STR("http://h:1:2/"), "parse \"http://h:1:2/\": invalid port \":1:2\" after host", NULL},
    {STR("ftp://h:1:2/"), "scheme=ftp host=h:1:2 hostname=h:1 path=/", "ftp://h:1:2/"},
    {STR("http://u@p@h/"), "scheme=http user=u%40p host=h hostname=h path=/", "http://u%40p@h/"},
    {STR("http://u:p:q@h"), "scheme=http user=u:p%3Aq host=h hostname=h", "http://u:p%3Aq@h"},
    {STR("http://a b@h"), "parse \"http://a b@h\": net/url: invalid userinfo", NULL},
    {STR("mailto:a@b?x"), "scheme=mailto opaque=a@b query=x", "mailto:a@b?x"},
    {STR("a:b/c"), "scheme=a opaque=b/c", "a:b/c"},
    {STR("1a:b"), "parse \"1a:b\": first path segment in URL cannot contain colon", NULL},
    {STR("./a:b"), "path=./a:b", "./a:b"},
    {STR("/a%zz"), "parse \"/a%zz\": invalid URL escape \"%zz\"", NULL},
    {STR("/%"), "parse \"/%\": invalid URL escape \"%\"", NULL},
    {STR("http://h%41/"), "parse \"http://h%41/\": invalid URL escape \"%41\"", NULL},
    {STR("http://h%e9/"), "scheme=http host=h\351 hostname=h\351 path=/", "http://h%E9/"},
    {STR("http://[fe80::1%25e%20n]/"), "scheme=http host=[fe80::1%e n] hostname=fe80::1%e n path=/",
     "http://[fe80::1%25e%20n]/"},
    {STR("http://[fe80::1%25e%2fn]/"),
     "parse \"http://[fe80::1%25e%2fn]/\": invalid URL escape \"%2f\"", NULL},
    {STR("x:/p"), "scheme=x path=/p omits_host", "x:/p"},
    {STR("x:///p"), "scheme=x path=/p", "x:///p"},
    {STR("///p"), "path=///p", "///p"},
    {STR("//h"), "host=h hostname=h", "//h"},
    {STR("?"), "question", "?"},
    {STR("x?"), "path=x question", "x?"},
    {STR("x?a?"), "path=x query=a?", "x?a?"},
    {STR("http://h?"), "scheme=http host=h hostname=h question", "http://h?"},
    {STR("\177"), "parse \"\\x7f\": net/url: invalid control character in URL", NULL},
    {STR("http://a\001"), "parse \"http://a\\x01\": net/url: invalid control character in URL",
     NULL},
    {STR("http://h:-1/"), "parse \"http://h:-1/\": invalid port \":-1\" after host", NULL},
    {STR("HTTP://H/%2f%2F a"), "scheme=http host=H hostname=H path=/// a raw_path=/%2f%2F a",
     "http://H///%20a"},
    {STR("x#a b"), "path=x fragment=a b raw_fragment=a b", "x#a%20b"},
    {STR("x#a%20b"), "path=x fragment=a b", "x#a%20b"},
    {STR("x#!()*'"), "path=x fragment=!()*' raw_fragment=!()*'", "x#!()*'"},
};

static const struct {
    const char *base;
    const char *ref;
    const char *want;
} joined[] = {
    {"http://foo.com?a=b", "https://bar.com/", "https://bar.com/"},
    {"http://foo.com/", "https://bar.com/?a=b", "https://bar.com/?a=b"},
    {"http://foo.com/", "https://bar.com/?", "https://bar.com/?"},
    {"http://foo.com/bar", "mailto:foo@example.com", "mailto:foo@example.com"},
    {"http://foo.com/bar", "/baz", "http://foo.com/baz"},
    {"http://foo.com/bar?a=b#f", "/baz", "http://foo.com/baz"},
    {"http://foo.com/bar?a=b", "/baz?", "http://foo.com/baz?"},
    {"http://foo.com/bar?a=b", "/baz?c=d", "http://foo.com/baz?c=d"},
    {"http://foo.com/bar", "http://foo.com//baz", "http://foo.com//baz"},
    {"http://foo.com/bar", "http://foo.com///baz/quux", "http://foo.com///baz/quux"},
    {"https://foo.com/bar?a=b", "//bar.com/quux", "https://bar.com/quux"},
    {"http://foo.com", ".", "http://foo.com/"},
    {"http://foo.com/bar", ".", "http://foo.com/"},
    {"http://foo.com/bar/", ".", "http://foo.com/bar/"},
    {"http://foo.com", "bar", "http://foo.com/bar"},
    {"http://foo.com/", "bar", "http://foo.com/bar"},
    {"http://foo.com/bar/baz", "quux", "http://foo.com/bar/quux"},
    {"http://foo.com/bar/baz", "../quux", "http://foo.com/quux"},
    {"http://foo.com/bar/baz", "../../../../../quux", "http://foo.com/quux"},
    {"http://foo.com/bar", "..", "http://foo.com/"},
    {"http://foo.com/bar/baz", "./..", "http://foo.com/"},
    {"http://foo.com/bar/baz", "quux/dotdot/../tail", "http://foo.com/bar/quux/tail"},
    {"http://foo.com/bar/baz", "quux/./dotdot/../tail", "http://foo.com/bar/quux/tail"},
    {"http://foo.com/bar/baz", "quux/./dotdot/.././tail", "http://foo.com/bar/quux/tail"},
    {"http://foo.com/bar/baz", "quux/./dotdot/./../tail", "http://foo.com/bar/quux/tail"},
    {"http://foo.com/bar/baz", "quux/./dotdot/dotdot/././../../tail",
     "http://foo.com/bar/quux/tail"},
    {"http://foo.com/bar/baz", "quux/./dotdot/dotdot/./.././../tail",
     "http://foo.com/bar/quux/tail"},
    {"http://foo.com/bar/baz", "quux/./dotdot/dotdot/dotdot/./../../.././././tail",
     "http://foo.com/bar/quux/tail"},
    {"http://foo.com/bar/baz", "quux/./dotdot/../dotdot/../dot/./tail/..",
     "http://foo.com/bar/quux/dot/"},
    {"http://foo.com/dot/./dotdot/../foo/bar", "../baz", "http://foo.com/dot/baz"},
    {"http://foo.com/bar", "...", "http://foo.com/..."},
    {"http://foo.com/bar", ".#frag", "http://foo.com/#frag"},
    {"http://example.org/", "#!$&%27()*+,;=", "http://example.org/#!$&%27()*+,;="},
    {"http://foo.com/foo%2fbar/", "../baz", "http://foo.com/baz"},
    {"http://foo.com/1/2%2f/3%2f4/5", "../../a/b/c", "http://foo.com/1/a/b/c"},
    {"http://foo.com/1/2/3", "./a%2f../../b/..%2fc", "http://foo.com/1/2/b/..%2fc"},
    {"http://foo.com/1/2%2f/3%2f4/5", "./a%2f../b/../c", "http://foo.com/1/2%2f/3%2f4/a%2f../c"},
    {"http://foo.com/foo%20bar/", "../baz", "http://foo.com/baz"},
    {"http://foo.com/foo", "../bar%2fbaz", "http://foo.com/bar%2fbaz"},
    {"http://foo.com/foo%2dbar/", "./baz-quux", "http://foo.com/foo%2dbar/baz-quux"},
    {"http://a/b/c/d;p?q", "g:h", "g:h"},
    {"http://a/b/c/d;p?q", "g", "http://a/b/c/g"},
    {"http://a/b/c/d;p?q", "./g", "http://a/b/c/g"},
    {"http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"},
    {"http://a/b/c/d;p?q", "/g", "http://a/g"},
    {"http://a/b/c/d;p?q", "//g", "http://g"},
    {"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
    {"http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y"},
    {"http://a/b/c/d;p?q", "#s", "http://a/b/c/d;p?q#s"},
    {"http://a/b/c/d;p?q", "g#s", "http://a/b/c/g#s"},
    {"http://a/b/c/d;p?q", "g?y#s", "http://a/b/c/g?y#s"},
    {"http://a/b/c/d;p?q", ";x", "http://a/b/c/;x"},
    {"http://a/b/c/d;p?q", "g;x", "http://a/b/c/g;x"},
    {"http://a/b/c/d;p?q", "g;x?y#s", "http://a/b/c/g;x?y#s"},
    {"http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"},
    {"http://a/b/c/d;p?q", ".", "http://a/b/c/"},
    {"http://a/b/c/d;p?q", "./", "http://a/b/c/"},
    {"http://a/b/c/d;p?q", "..", "http://a/b/"},
    {"http://a/b/c/d;p?q", "../", "http://a/b/"},
    {"http://a/b/c/d;p?q", "../g", "http://a/b/g"},
    {"http://a/b/c/d;p?q", "../..", "http://a/"},
    {"http://a/b/c/d;p?q", "../../", "http://a/"},
    {"http://a/b/c/d;p?q", "../../g", "http://a/g"},
    {"http://a/b/c/d;p?q", "../../../g", "http://a/g"},
    {"http://a/b/c/d;p?q", "../../../../g", "http://a/g"},
    {"http://a/b/c/d;p?q", "/./g", "http://a/g"},
    {"http://a/b/c/d;p?q", "/../g", "http://a/g"},
    {"http://a/b/c/d;p?q", "g.", "http://a/b/c/g."},
    {"http://a/b/c/d;p?q", ".g", "http://a/b/c/.g"},
    {"http://a/b/c/d;p?q", "g..", "http://a/b/c/g.."},
    {"http://a/b/c/d;p?q", "..g", "http://a/b/c/..g"},
    {"http://a/b/c/d;p?q", "./../g", "http://a/b/g"},
    {"http://a/b/c/d;p?q", "./g/.", "http://a/b/c/g/"},
    {"http://a/b/c/d;p?q", "g/./h", "http://a/b/c/g/h"},
    {"http://a/b/c/d;p?q", "g/../h", "http://a/b/c/h"},
    {"http://a/b/c/d;p?q", "g;x=1/./y", "http://a/b/c/g;x=1/y"},
    {"http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y"},
    {"http://a/b/c/d;p?q", "g?y/./x", "http://a/b/c/g?y/./x"},
    {"http://a/b/c/d;p?q", "g?y/../x", "http://a/b/c/g?y/../x"},
    {"http://a/b/c/d;p?q", "g#s/./x", "http://a/b/c/g#s/./x"},
    {"http://a/b/c/d;p?q", "g#s/../x", "http://a/b/c/g#s/../x"},
    {"https://a/b/c/d;p?q", "//g?q", "https://g?q"},
    {"https://a/b/c/d;p?q", "//g#s", "https://g#s"},
    {"https://a/b/c/d;p?q", "//g/d/e/f?y#s", "https://g/d/e/f?y#s"},
    {"https://a/b/c/d;p#s", "?y", "https://a/b/c/d;p?y"},
    {"https://a/b/c/d;p?q#s", "?y", "https://a/b/c/d;p?y"},
    {"https://a/b/c/d;p?q#s", "?", "https://a/b/c/d;p?"},
    {"https://foo.com/bar?a=b", "http:opaque", "http:opaque"},
    {"http:opaque?x=y#zzz", "https:/foo?a=b#frag", "https:/foo?a=b#frag"},
    {"http:opaque?x=y#zzz", "https:foo:bar", "https:foo:bar"},
    {"http:opaque?x=y#zzz", "https:bar/baz?a=b#frag", "https:bar/baz?a=b#frag"},
    {"http:opaque?x=y#zzz", "https://user@host:1234?a=b#frag", "https://user@host:1234?a=b#frag"},
    {"http:opaque?x=y#zzz", "?a=b#frag", "http:opaque?a=b#frag"},
};

static void put(struct buf *out, const char *name, struct str part)
{
    if (part.len > 0)
        buf_printf(out, "%s%s=" STR_FMT, out->len > 0 ? " " : "", name, STR_ARG(part));
}

static void put_parts(struct buf *out, const struct url *u)
{
    HL_CLEANUP(buf_deinit) struct buf user = {0};

    put(out, "scheme", u->scheme);
    put(out, "opaque", u->opaque);
    url_write_user(&user, u);
    if (u->has_user)
        buf_printf(out, "%suser=" STR_FMT, out->len > 0 ? " " : "", STR_ARG(buf_str(&user)));
    put(out, "host", u->host);
    put(out, "hostname", url_hostname(u));
    put(out, "path", u->path);
    put(out, "raw_path", u->raw_path);
    put(out, "query", u->query);
    if (u->has_question)
        buf_add_cstr(out, out->len > 0 ? " question" : "question");
    put(out, "fragment", u->fragment);
    put(out, "raw_fragment", u->raw_fragment);
    if (u->omits_host)
        buf_add_cstr(out, out->len > 0 ? " omits_host" : "omits_host");
}

static void assert_text(struct str got, const char *want, struct str input)
{
    if (!str_eq(got, str_from(want)))
        fail_msg(STR_FMT ": " STR_FMT ", not %s", STR_ARG(input), STR_ARG(got), want);
}

static void urls_are_taken_apart_as_in_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(parsed); i++) {
        HL_CLEANUP(buf_deinit) struct buf parts = {0};
        HL_CLEANUP(buf_deinit) struct buf written = {0};
        struct str why = STR_NONE;
        struct url u;
        bool is_good = url_parse(a, parsed[i].text, &u, &why);
        if (is_good != (parsed[i].written != NULL))
            fail_msg(STR_FMT ": " STR_FMT, STR_ARG(parsed[i].text), STR_ARG(why));
        if (!is_good) {
            assert_text(why, parsed[i].parts, parsed[i].text);
            continue;
        }
        put_parts(&parts, &u);
        assert_text(buf_str(&parts), parsed[i].parts, parsed[i].text);
        url_write(&written, &u);
        assert_text(buf_str(&written), parsed[i].written, parsed[i].text);
    }
}

static void references_are_resolved_as_in_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(joined); i++) {
        struct str out = STR_NONE;
        struct str why = STR_NONE;
        assert_true(url_join(a, str_from(joined[i].base), str_from(joined[i].ref), &out, &why));
        assert_text(out, joined[i].want, str_from(joined[i].ref));
    }
}

static void a_bad_base_or_reference_is_refused(void **state)
{
    struct str out;
    struct str why = STR_NONE;

    (void)state;
    assert_false(url_join(a, STR("http://[::1"), STR("x"), &out, &why));
    assert_string_equal(arena_cstr(a, why), "parse \"http://[::1\": missing ']' in host");
    assert_false(url_join(a, STR("http://h"), STR("%"), &out, &why));
    assert_string_equal(arena_cstr(a, why), "parse \"%\": invalid URL escape \"%\"");
}

static void fragments_are_cut_at_the_first_hash(void **state)
{
    struct str url;
    struct str fragment;

    (void)state;
    url_split(STR("a#b#c"), &url, &fragment);
    assert_text(url, "a", STR("a#b#c"));
    assert_text(fragment, "b#c", STR("a#b#c"));
    url_split(STR("a"), &url, &fragment);
    assert_text(url, "a", STR("a"));
    assert_int_equal(fragment.len, 0);
}

static void segments_are_escaped_and_unescaped(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str plain;
    struct str why = STR_NONE;

    (void)state;
    url_escape_segments(&out, STR("/a b/c;d,e/$&+:=@/\xc3\xa9/"));
    assert_text(buf_str(&out), "/a%20b/c%3Bd%2Ce/$&+:=@/%C3%A9/", STR("escaped"));
    assert_true(url_unescape(a, buf_str(&out), &plain, &why));
    assert_text(plain, "/a b/c;d,e/$&+:=@/\xc3\xa9/", STR("unescaped"));
    assert_false(url_unescape(a, STR("a%2"), &plain, &why));
    assert_text(why, "invalid URL escape \"%2\"", STR("a%2"));
}

static void run_corpus_file(struct str name, struct str bytes, void *context)
{
    (void)name;
    (void)context;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, bytes.len);
}

static void the_fuzz_corpus_holds_its_properties(void **state)
{
    (void)state;
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_url", run_corpus_file, NULL) >= 12);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(urls_are_taken_apart_as_in_go),      TEST(references_are_resolved_as_in_go),
        TEST(a_bad_base_or_reference_is_refused), TEST(fragments_are_cut_at_the_first_hash),
        TEST(segments_are_escaped_and_unescaped), TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/gostd/url", tests, NULL, NULL);
}
