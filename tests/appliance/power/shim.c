/* Preloaded into every process of an import: writes down what it does to files, and makes one call fail on request.
 *
 * SHIM_STATE   folder whose changes are recorded     SHIM_TRACE  file that the records go to
 * SHIM_MEDIUM  folder whose reads are counted        SHIM_FAIL   "write:N:ERRNO" or "read:N:ERRNO": the N-th fails
 * SHIM_COUNT   file of 16 bytes: writes, then reads, so far, over all processes
 *
 * A record: op, 1 byte; inode, offset, lengths of two byte strings, 8 bytes each, little-endian; the strings.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *state, *medium;
static int trace = -1;
static uint64_t *counts;
static char fail_kind;
static uint64_t fail_at;
static int fail_errno;

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    REAL(open);
    state = getenv("SHIM_STATE");
    medium = getenv("SHIM_MEDIUM");
    const char *file = getenv("SHIM_TRACE"), *count = getenv("SHIM_COUNT"), *fail = getenv("SHIM_FAIL");
    if (file) trace = real(file, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (count) {
        int fd = real(count, O_RDWR | O_CLOEXEC);
        counts = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (counts == MAP_FAILED) counts = NULL;
        close(fd);
    }
    if (fail) {
        fail_kind = fail[0];
        sscanf(strchr(fail, ':') + 1, "%lu:%d", (unsigned long *)&fail_at, &fail_errno);
    }
}

static int below(const char *folder, const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    return length && !strncmp(folder, path, length) && (path[length] == '/' || !path[length]);
}

static int path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    if (length < 0) return 0;
    out[length] = 0;
    return 1;
}

static int absolute(int at, const char *path, char *out) {
    char base[PATH_MAX];
    if (path[0] == '/') { snprintf(out, PATH_MAX, "%s", path); return 1; }
    if (at == AT_FDCWD) { if (!getcwd(base, sizeof base)) return 0; }
    else if (!path_of(at, base)) return 0;
    snprintf(out, 2 * PATH_MAX, "%s/%s", base, path);
    return 1;
}

static int told(uint64_t *count, char kind) {
    uint64_t number = counts ? __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) : 0;
    return fail_kind == kind && number == fail_at ? fail_errno : 0;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void hold(int operation) {
    if (operation == LOCK_EX) pthread_mutex_lock(&mutex);
    if (trace >= 0) flock(trace, operation);
    if (operation == LOCK_UN) pthread_mutex_unlock(&mutex);
}

static void record(char op, uint64_t inode, uint64_t offset, const void *a, uint64_t la, const void *b, uint64_t lb) {
    if (trace < 0) return;
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    uint64_t head[4] = {inode, offset, la, lb};
    struct iovec parts[] = {{&op, 1}, {head, sizeof head}, {(void *)a, la}, {(void *)b, lb}};
    if (real(trace, parts, 4) != (ssize_t)(1 + sizeof head + la + lb)) abort();
}

static uint64_t inode_of(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_ino;
}

static int ours(int fd) {
    char path[PATH_MAX];
    return path_of(fd, path) && below(state, path) && !strstr(path, "-shm") && strncmp(path, "/dev", 4);
}

#define ON_FD(op, offset, data, length) if (result >= 0 && mine) record(op, inode_of(fd), offset, data, length, NULL, 0)

static int opened(const char *name, int at, const char *path, int flags, mode_t mode) {
    int (*real)(int, const char *, int, ...) = dlsym(RTLD_NEXT, name);
    char full[2 * PATH_MAX + 2];
    struct stat before;
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE || !absolute(at, path, full) || !below(state, full) || strstr(full, "-shm"))
        return real(at, path, flags, mode);
    hold(LOCK_EX);
    int existed = !fstatat(at, path, &before, 0);
    int fd = existed || !told(&counts[0], 'w') ? real(at, path, flags, mode) : (errno = fail_errno, -1);
    if (fd >= 0 && !existed) record('c', inode_of(fd), 0, full, strlen(full), NULL, 0);
    else if (fd >= 0 && flags & O_TRUNC) record('t', inode_of(fd), 0, NULL, 0, NULL, 0);
    int kept = errno;
    hold(LOCK_UN);
    errno = kept;
    return fd;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
int open(const char *path, int flags, ...) { MODE return opened("openat", AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened("openat64", AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opened("openat", at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opened("openat64", at, path, flags, mode); }

#define GUARDED(call, op, offset, data, length) \
    int mine = ours(fd), failing; \
    if (!mine) return call; \
    hold(LOCK_EX); \
    ssize_t result = -1; \
    if ((failing = told(&counts[0], 'w'))) errno = failing; \
    else { result = call; ON_FD(op, offset, data, length); } \
    int kept = errno; \
    hold(LOCK_UN); \
    errno = kept; \
    return result;

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    GUARDED(real(fd, data, size), 'w', (uint64_t)(lseek(fd, 0, SEEK_CUR) - result), data, (uint64_t)result)
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { REAL(pwrite); GUARDED(real(fd, data, size, at), 'w', at, data, (uint64_t)result) }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { REAL(pwrite64); GUARDED(real(fd, data, size, at), 'w', at, data, (uint64_t)result) }
int ftruncate(int fd, off_t size) { REAL(ftruncate); GUARDED(real(fd, size), 't', size, NULL, 0) }
int ftruncate64(int fd, off_t size) { REAL(ftruncate64); GUARDED(real(fd, size), 't', size, NULL, 0) }
int fsync(int fd) { REAL(fsync); GUARDED(real(fd), 's', 0, NULL, 0) }
int fdatasync(int fd) { REAL(fdatasync); GUARDED(real(fd), 's', 0, NULL, 0) }

#define NAMED(call, op, at1, p1, at2, p2) \
    char one[2 * PATH_MAX + 2] = "", two[2 * PATH_MAX + 2] = ""; \
    const char *second = p2; \
    absolute(at1, p1, one); \
    if (second) absolute(at2, second, two); \
    if (!below(state, one) && !below(state, two)) return call; \
    hold(LOCK_EX); \
    int failing = told(&counts[0], 'w'), result = -1; \
    if (failing && op != 'u' && op != 'd') errno = failing; \
    else { \
        result = call; \
        struct stat found; \
        uint64_t inode = result || op == 'u' || op == 'd' || stat(*two ? two : one, &found) ? 0 : found.st_ino; \
        if (!result && !strstr(one, "-shm")) record(op, inode, 0, one, strlen(one), two, strlen(two)); \
    } \
    int kept = errno; \
    hold(LOCK_UN); \
    errno = kept; \
    return result;

int rename(const char *a, const char *b) { REAL(rename); NAMED(real(a, b), 'r', AT_FDCWD, a, AT_FDCWD, b) }
int renameat(int x, const char *a, int y, const char *b) { REAL(renameat); NAMED(real(x, a, y, b), 'r', x, a, y, b) }
int link(const char *a, const char *b) { REAL(link); NAMED(real(a, b), 'l', AT_FDCWD, a, AT_FDCWD, b) }
int linkat(int x, const char *a, int y, const char *b, int flags) { REAL(linkat); NAMED(real(x, a, y, b, flags), 'l', x, a, y, b) }
int unlink(const char *a) { REAL(unlink); NAMED(real(a), 'u', AT_FDCWD, a, 0, NULL) }
int unlinkat(int x, const char *a, int flags) { REAL(unlinkat); char op = flags & AT_REMOVEDIR ? 'd' : 'u'; NAMED(real(x, a, flags), op, x, a, 0, NULL) }
int rmdir(const char *a) { REAL(rmdir); NAMED(real(a), 'd', AT_FDCWD, a, 0, NULL) }
int mkdir(const char *a, mode_t mode) { REAL(mkdir); NAMED(real(a, mode), 'm', AT_FDCWD, a, 0, NULL) }
int mkdirat(int x, const char *a, mode_t mode) { REAL(mkdirat); NAMED(real(x, a, mode), 'm', x, a, 0, NULL) }
int symlink(const char *target, const char *a) { REAL(symlink); NAMED(real(target, a), 'y', AT_FDCWD, a, 0, NULL) }

static int bad_read(int fd) {
    char path[PATH_MAX];
    if (!counts || !medium || !path_of(fd, path) || !below(medium, path)) return 0;
    return told(&counts[1], 'r');
}

#define READ(call) int failing = bad_read(fd); if (failing) { errno = failing; return -1; } return call;
ssize_t read(int fd, void *data, size_t size) { REAL(read); READ(real(fd, data, size)) }
ssize_t readv(int fd, const struct iovec *parts, int count) { REAL(readv); READ(real(fd, parts, count)) }
ssize_t pread(int fd, void *data, size_t size, off_t at) { REAL(pread); READ(real(fd, data, size, at)) }
ssize_t pread64(int fd, void *data, size_t size, off_t at) { REAL(pread64); READ(real(fd, data, size, at)) }
