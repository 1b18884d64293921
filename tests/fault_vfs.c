/*
 * An SQLite VFS that fails on purpose. Preloaded (LD_PRELOAD), it stands before the default one:
 *
 *   EBJR_FAULT_AT=k       the k-th call, from 1, fails
 *   EBJR_FAULT_LASTING=1  so do all after it
 *   EBJR_FAULT_LOG=FILE   how many calls there were is written there at the end
 *
 * What can fail is what a disk can refuse: opening, reading, writing, truncating, syncing, sharing
 * the WAL index, deleting. A write fails as on a full disk.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static sqlite3_vfs *real;
static long calls, fault_at;
static int is_lasting;

static int fails(void)
{
    calls++;
    return fault_at > 0 && (calls == fault_at || (is_lasting && calls > fault_at));
}

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* in the memory behind this */
};

#define REAL(file) (((struct file *)(file))->real)
#define METHODS(file) (REAL(file)->pMethods)

static int file_close(sqlite3_file *file)
{
    return METHODS(file)->xClose(REAL(file));
}

static int file_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    return fails() ? SQLITE_IOERR_READ : METHODS(file)->xRead(REAL(file), out, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    return fails() ? SQLITE_FULL : METHODS(file)->xWrite(REAL(file), data, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fails() ? SQLITE_IOERR_TRUNCATE : METHODS(file)->xTruncate(REAL(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    return fails() ? SQLITE_IOERR_FSYNC : METHODS(file)->xSync(REAL(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return METHODS(file)->xFileSize(REAL(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return METHODS(file)->xLock(REAL(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return METHODS(file)->xUnlock(REAL(file), level);
}

static int file_check_lock(sqlite3_file *file, int *out)
{
    return METHODS(file)->xCheckReservedLock(REAL(file), out);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return METHODS(file)->xFileControl(REAL(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return METHODS(file)->xSectorSize(REAL(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return METHODS(file)->xDeviceCharacteristics(REAL(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return fails() ? SQLITE_IOERR_SHMMAP
                   : METHODS(file)->xShmMap(REAL(file), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return METHODS(file)->xShmLock(REAL(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    METHODS(file)->xShmBarrier(REAL(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete_it)
{
    return METHODS(file)->xShmUnmap(REAL(file), delete_it);
}

/* Version 2: without memory-mapped pages, which would go past the shim. */
static const sqlite3_io_methods methods = {
    2,
    file_close,
    file_read,
    file_write,
    file_truncate,
    file_sync,
    file_size,
    file_lock,
    file_unlock,
    file_check_lock,
    file_control,
    file_sector_size,
    file_characteristics,
    file_shm_map,
    file_shm_lock,
    file_shm_barrier,
    file_shm_unmap,
    NULL,
    NULL,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    file->pMethods = NULL; /* nothing to close */
    if (fails())
        return SQLITE_CANTOPEN;
    REAL(file) = (sqlite3_file *)((struct file *)file + 1);
    int status = real->xOpen(real, path, REAL(file), flags, out);
    if (METHODS(file))
        file->pMethods = &methods;
    return status;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    return fails() ? SQLITE_IOERR_DELETE : real->xDelete(real, path, sync);
}

static void write_log(void)
{
    const char *path = getenv("EBJR_FAULT_LOG");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%ld\n", calls);
    fclose(file);
}

__attribute__((constructor)) static void install(void)
{
    static sqlite3_vfs shim;
    const char *at = getenv("EBJR_FAULT_AT");
    real = sqlite3_vfs_find(NULL);
    if (!real)
        return;
    fault_at = at ? strtol(at, NULL, 10) : 0;
    is_lasting = getenv("EBJR_FAULT_LASTING") != NULL;
    shim = *real;
    shim.zName = "fault";
    shim.szOsFile = (int)sizeof(struct file) + real->szOsFile;
    shim.xOpen = vfs_open;
    shim.xDelete = vfs_delete;
    sqlite3_vfs_register(&shim, 1);
    atexit(write_log);
}
