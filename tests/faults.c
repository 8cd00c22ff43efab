/* Faults for the programs that it is loaded into (LD_PRELOAD), switched by the file named in FAULTS, 16 bytes:
 *
 *     int32   microseconds that each sync of a file takes longer
 *     int32   1: the disk is full, no file can grow
 *     int64   seconds that the clock is off
 *
 * The file is mapped, so that whoever writes it changes the fault at once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct faults {
    int32_t sync_microseconds;
    int32_t disk_full;
    int64_t clock_seconds;
};

static struct faults none;
static volatile struct faults *faults = &none;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        faults = mapped;
    close(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void wait_for_disk(void)
{
    if (faults->sync_microseconds > 0) {
        struct timespec pause = {0, faults->sync_microseconds * 1000L};
        nanosleep(&pause, NULL);
    }
}

int fsync(int fd)
{
    wait_for_disk();
    return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    wait_for_disk();
    return REAL(fdatasync)(fd);
}

/* Whether writing here would make a regular file grow on a full disk. */
static int refuses(int fd, off_t end)
{
    struct stat file;
    return faults->disk_full && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && end > file.st_size;
}

static size_t length(const struct iovec *parts, int count)
{
    size_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += parts[i].iov_len;
    return sum;
}

static int full(void)
{
    errno = ENOSPC;
    return -1;
}

ssize_t pwrite(int fd, const void *text, size_t count, off_t at)
{
    return refuses(fd, at + (off_t)count) ? full() : REAL(pwrite)(fd, text, count, at);
}

ssize_t pwrite64(int fd, const void *text, size_t count, off64_t at)
{
    return refuses(fd, at + (off_t)count) ? full() : REAL(pwrite64)(fd, text, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    return refuses(fd, at + (off_t)length(parts, count)) ? full() : REAL(pwritev)(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at)
{
    return refuses(fd, at + (off_t)length(parts, count)) ? full() : REAL(pwritev64)(fd, parts, count, at);
}

int posix_fallocate(int fd, off_t at, off_t count)
{
    return refuses(fd, at + count) ? ENOSPC : REAL(posix_fallocate)(fd, at, count);
}

int posix_fallocate64(int fd, off64_t at, off64_t count)
{
    return refuses(fd, at + count) ? ENOSPC : REAL(posix_fallocate64)(fd, at, count);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    int answer = REAL(clock_gettime)(which, now);
    if (answer == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        now->tv_sec += faults->clock_seconds;
    return answer;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int answer = REAL(gettimeofday)(now, zone);
    if (answer == 0)
        now->tv_sec += faults->clock_seconds;
    return answer;
}

time_t time(time_t *where)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}
