/* Makes system calls on files slow, or fail, while a switch says so. Preloaded into a program under examination.
 *
 * KEEL_DISK_SWITCH is the switch: lines `name=number`; an empty file, or none, is no fault. It is looked at again when a
 * tenth of a second has passed. KEEL_DISK_BELOW is the folder whose files are meant.
 *
 *   slow_ms        every read and write takes so much longer
 *   slow_fsync_ms  every fsync takes so much longer
 *   fsync, write   such calls fail with this errno
 *   open           opening for writing fails with this errno
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_NS 100000000LL

struct trouble {
    long slow_ms, slow_fsync_ms, fsync, write, open;
};

static struct trouble now;
static long long looked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static long long clock_ns(void) {
    struct timespec time;
    /* The system call itself: another preloaded library may shift the clock. */
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void read_switch(struct trouble *said) {
    const char *path = getenv("KEEL_DISK_SWITCH");
    char text[1024];
    memset(said, 0, sizeof *said);
    if (!path) return;
    /* System calls, so that these reads are not slowed down themselves. */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    long length = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    if (length <= 0) return;
    text[length] = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, '=');
        if (!value) continue;
        *value++ = 0;
        long number = strtol(value, NULL, 10);
        if (!strcmp(line, "slow_ms")) said->slow_ms = number;
        else if (!strcmp(line, "slow_fsync_ms")) said->slow_fsync_ms = number;
        else if (!strcmp(line, "fsync")) said->fsync = number;
        else if (!strcmp(line, "write")) said->write = number;
        else if (!strcmp(line, "open")) said->open = number;
    }
}

static struct trouble current(void) {
    /* What this thread knew last, where another one looks just now: it may have been forked away, or this may be a signal
     * handler inside it, so nobody waits. */
    static __thread struct trouble last;
    if (pthread_mutex_trylock(&lock)) return last;
    long long at = clock_ns();
    if (!looked || at - looked > LOOK_EVERY_NS) {
        looked = at;
        read_switch(&now);
    }
    last = now;
    pthread_mutex_unlock(&lock);
    return last;
}

static int below(const char *path) {
    const char *folder = getenv("KEEL_DISK_BELOW");
    if (!folder) return 0;
    size_t length = strlen(folder);
    return !strncmp(path, folder, length) && (path[length] == '/' || path[length] == 0);
}

/* Whether the descriptor is a file below the folder; errno is kept. */
static int meant(int fd) {
    char link[64], path[PATH_MAX];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path);
}

/* Whether the path, which may not exist yet, leads below the folder. */
static int path_meant(int at, const char *path) {
    char folder[PATH_MAX], whole[PATH_MAX * 2];
    int kept = errno;
    const char *start = "";
    if (path[0] != '/') {
        char link[64];
        if (at == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, folder, sizeof folder - 1);
        if (length <= 0) { errno = kept; return 0; }
        folder[length] = 0;
        start = folder;
    }
    snprintf(whole, sizeof whole, "%s%s%s", start, path[0] == '/' ? "" : "/", path);
    char real[PATH_MAX];
    /* The file, or its folder where it does not exist yet. */
    const char *found = realpath(whole, real);
    if (!found) {
        char *slash = strrchr(whole, '/');
        if (slash && slash != whole) *slash = 0;
        found = realpath(whole, real);
    }
    errno = kept;
    return found && below(found);
}

static void wait_ms(long ms) {
    if (ms <= 0) return;
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    int kept = errno;
    while (syscall(SYS_nanosleep, &time, &time) && errno == EINTR) {}
    errno = kept;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define ON_READ(fd) do { struct trouble t = current(); if (t.slow_ms && meant(fd)) wait_ms(t.slow_ms); } while (0)
#define ON_WRITE(fd) do { \
    struct trouble t = current(); \
    if ((t.slow_ms || t.write) && meant(fd)) { wait_ms(t.slow_ms); if (t.write) { errno = (int)t.write; return -1; } } \
} while (0)
#define ON_FSYNC(fd) do { \
    struct trouble t = current(); \
    if ((t.slow_fsync_ms || t.fsync) && meant(fd)) { \
        wait_ms(t.slow_fsync_ms); if (t.fsync) { errno = (int)t.fsync; return -1; } } \
} while (0)

ssize_t read(int fd, void *to, size_t n) { REAL(read); ON_READ(fd); return real(fd, to, n); }
ssize_t pread(int fd, void *to, size_t n, off_t at) { REAL(pread); ON_READ(fd); return real(fd, to, n, at); }
ssize_t pread64(int fd, void *to, size_t n, off64_t at) { REAL(pread64); ON_READ(fd); return real(fd, to, n, at); }
ssize_t readv(int fd, const struct iovec *v, int n) { REAL(readv); ON_READ(fd); return real(fd, v, n); }
ssize_t write(int fd, const void *from, size_t n) { REAL(write); ON_WRITE(fd); return real(fd, from, n); }
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) { REAL(pwrite); ON_WRITE(fd); return real(fd, from, n, at); }
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) { REAL(pwrite64); ON_WRITE(fd); return real(fd, from, n, at); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); ON_WRITE(fd); return real(fd, v, n); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { REAL(pwritev); ON_WRITE(fd); return real(fd, v, n, at); }
int ftruncate(int fd, off_t n) { REAL(ftruncate); ON_WRITE(fd); return real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); ON_WRITE(fd); return real(fd, n); }
int fallocate(int fd, int mode, off_t at, off_t n) { REAL(fallocate); ON_WRITE(fd); return real(fd, mode, at, n); }
int fsync(int fd) { REAL(fsync); ON_FSYNC(fd); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); ON_FSYNC(fd); return real(fd); }
int sync_file_range(int fd, off64_t at, off64_t n, unsigned flags) { REAL(sync_file_range); ON_FSYNC(fd); return real(fd, at, n, flags); }

static int refuses(int at, const char *path, int flags) {
    if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT)) return 0;
    struct trouble t = current();
    if (!t.open || !path_meant(at, path)) return 0;
    errno = (int)t.open;
    return 1;
}

/* Names that <fcntl.h> may redirect are declared under their own. */
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        static int (*real)(const char *, int, ...); \
        if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        return refuses(AT_FDCWD, path, flags) ? -1 : real(path, flags, mode); \
    }
#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        static int (*real)(int, const char *, int, ...); \
        if (!real) real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        return refuses(at, path, flags) ? -1 : real(at, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
