/*
 * A disk and a clock that misbehave on demand, for a process that knows nothing of it: preloaded
 * with LD_PRELOAD, it stands between the program and the C library.
 *
 * HL_FAULTS names a file of four 64-bit integers that the tests change while the process runs:
 *
 *   sync_ms   every fsync and fdatasync takes so much longer
 *   stall_ms  a flush that begins before this time (CLOCK_MONOTONIC) lasts until it
 *   full      1: a write that would make a regular file longer finds no space, nor does fallocate
 *   wall_ms   CLOCK_REALTIME is so much ahead (or behind, when negative)
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct faults {
    volatile int64_t sync_ms;
    volatile int64_t stall_ms;
    volatile int64_t full;
    volatile int64_t wall_ms;
};

static struct faults none;
static struct faults *faults = &none;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("HL_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(*faults), PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        faults = map;
    close(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int64_t monotonic_ms(void)
{
    struct timespec now;

    REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_ms(int64_t ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};

    while (ms > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static void linger(void)
{
    wait_ms(faults->sync_ms);
    wait_ms(faults->stall_ms - monotonic_ms());
}

int fdatasync(int fd)
{
    linger();
    return REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    linger();
    return REAL(fsync)(fd);
}

static int is_refused(int fd, off_t end)
{
    struct stat about;

    if (!faults->full || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return 0;
    if (end >= 0 && end <= about.st_size)
        return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return is_refused(fd, offset + (off_t)len) ? -1 : REAL(pwrite)(fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    return pwrite(fd, bytes, len, offset);
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    return is_refused(fd, offset + len) ? ENOSPC : REAL(posix_fallocate)(fd, offset, len);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return is_refused(fd, offset + len) ? -1 : REAL(fallocate)(fd, mode, offset, len);
}

int ftruncate(int fd, off_t len)
{
    return is_refused(fd, len) ? -1 : REAL(ftruncate)(fd, len);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int r = REAL(clock_gettime)(clock, out);

    if (r == 0 && clock == CLOCK_REALTIME) {
        out->tv_sec += faults->wall_ms / 1000;
        out->tv_nsec += faults->wall_ms % 1000 * 1000000;
        if (out->tv_nsec < 0) {
            out->tv_nsec += 1000000000;
            out->tv_sec--;
        } else if (out->tv_nsec >= 1000000000) {
            out->tv_nsec -= 1000000000;
            out->tv_sec++;
        }
    }
    return r;
}
