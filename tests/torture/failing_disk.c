/* Preloaded into `serve`: flushes fail, or the disk is full, while a file says so, and only for ours.
 *
 * TORTURE_FILES is part of the path of the files concerned; TORTURE_NO_FLUSH and TORTURE_FULL name the
 * files whose being there switches the trouble on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int strikes(const char *variable, int fd) {
    const char *flag = getenv(variable), *ours = getenv("TORTURE_FILES");
    char link[64], path[4096];
    ssize_t length;
    if (flag == NULL || ours == NULL || access(flag, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, ours) != NULL;
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (strikes("TORTURE_NO_FLUSH", fd)) { errno = EIO; return -1; }
    if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return real(fd);
}

int fsync(int fd) {
    static int (*real)(int);
    if (strikes("TORTURE_NO_FLUSH", fd)) { errno = EIO; return -1; }
    if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return real(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (strikes("TORTURE_FULL", fd)) { errno = ENOSPC; return -1; }
    if (real == NULL) real = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return real(fd, bytes, count, at);
}
