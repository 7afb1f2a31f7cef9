// One thread serves every call: what is written, synced and refused has one order.
#include "faulty_disk_server.hpp"

#if RINGMAIN_HAS_FUSE

#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "write_cache.hpp"

namespace ringmain::crash {
namespace {

struct Server {
  std::string folder;
  FaultyDiskOrders* orders = nullptr;
  WriteCache cache;
};
Server* server = nullptr;

std::string real(const char* path) {
  return server->folder + path;
}
int fd_of(const fuse_file_info* file) {
  return static_cast<int>(file->fh);
}
int done(int result) {
  return result < 0 ? -errno : 0;
}

// Whether a fault is ordered: the negative errno, or 0.
int refusal(const std::atomic<int>& order) {
  const int error = order.load();
  if (error != 0) server->orders->given.fetch_add(1);
  return -error;
}

int get_attributes(const char* path, struct stat* into, fuse_file_info* file) {
  return done(file != nullptr ? ::fstat(fd_of(file), into) : ::lstat(real(path).c_str(), into));
}

DIR* directory_of(const fuse_file_info* file) {
  return reinterpret_cast<DIR*>(file->fh);
}

int open_directory(const char* path, fuse_file_info* file) {
  DIR* directory = ::opendir(real(path).c_str());
  if (directory == nullptr) return -errno;
  file->fh = reinterpret_cast<std::uint64_t>(directory);
  return 0;
}

int list(const char*, void* into, fuse_fill_dir_t fill, off_t, fuse_file_info* file,
         fuse_readdir_flags) {
  ::rewinddir(directory_of(file));
  while (const dirent* entry = ::readdir(directory_of(file)))
    fill(into, entry->d_name, nullptr, 0, fuse_fill_dir_flags{});
  return 0;
}

int release_directory(const char*, fuse_file_info* file) {
  return done(::closedir(directory_of(file)));
}

// The kernel opens directly on its side; the folder behind may not know O_DIRECT.
int open_real(const char* path, int flags, mode_t mode, fuse_file_info* file) {
  int access = flags & ~(O_DIRECT | O_APPEND | O_DSYNC | O_SYNC);
  if ((access & O_ACCMODE) == O_WRONLY)
    access = (access & ~O_ACCMODE) | O_RDWR;  // the cache reads what was there
  const int fd = ::open(real(path).c_str(), access | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  file->fh = static_cast<std::uint64_t>(fd);
  return 0;
}

int open(const char* path, fuse_file_info* file) {
  if (const int error = refusal(server->orders->on_open)) return error;
  return open_real(path, file->flags & ~(O_CREAT | O_EXCL), 0, file);
}

int create(const char* path, mode_t mode, fuse_file_info* file) {
  if (const int error = refusal(server->orders->on_make)) return error;
  return open_real(path, file->flags | O_CREAT, mode, file);
}

int read(const char*, char* into, size_t bytes, off_t at, fuse_file_info* file) {
  if (const int error = refusal(server->orders->on_read)) return error;
  const ssize_t count = ::pread(fd_of(file), into, bytes, at);
  return count < 0 ? -errno : static_cast<int>(count);
}

int write(const char*, const char* from, size_t bytes, off_t at, fuse_file_info* file) {
  server->orders->writes.fetch_add(1);
  if (const int error = refusal(server->orders->on_write)) return error;
  if (const int error =
          server->cache.will_write(fd_of(file), static_cast<std::uint64_t>(at), {from, bytes}))
    return -error;
  const ssize_t count = ::pwrite(fd_of(file), from, bytes, at);
  return count < 0 ? -errno : static_cast<int>(count);
}

int sync(const char*, int, fuse_file_info* file) {
  server->orders->syncs.fetch_add(1);
  if (const int error = refusal(server->orders->on_sync)) {
    server->cache.forget(fd_of(file));
    return error;
  }
  server->cache.synced(fd_of(file));
  return 0;
}

int sync_directory(const char*, int, fuse_file_info*) {
  return refusal(server->orders->on_sync);
}

int resize(const char* path, off_t size, fuse_file_info* file) {
  if (const int error = refusal(server->orders->on_write)) return error;
  const os::UniqueFd own(file == nullptr ? ::open(real(path).c_str(), O_RDWR | O_CLOEXEC)
                                         : ::dup(fd_of(file)));
  if (!own) return -errno;
  if (const int error = server->cache.will_resize(own.get(), static_cast<std::uint64_t>(size)))
    return -error;
  return done(::ftruncate(own.get(), size));
}

int allocate(const char*, int mode, off_t at, off_t bytes, fuse_file_info* file) {
  if (const int error = refusal(server->orders->on_allocate)) return error;
  struct stat found {};
  if (::fstat(fd_of(file), &found) != 0) return -errno;
  if (mode == 0 && at + bytes > found.st_size)
    if (const int error =
            server->cache.will_resize(fd_of(file), static_cast<std::uint64_t>(at + bytes)))
      return -error;
  if (mode != 0 && mode != FALLOC_FL_KEEP_SIZE) return -EOPNOTSUPP;
  return done(::fallocate(fd_of(file), mode, at, bytes));
}

int release(const char*, fuse_file_info* file) {
  return done(::close(fd_of(file)));
}
int make_directory(const char* path, mode_t mode) {
  if (const int error = refusal(server->orders->on_make)) return error;
  return done(::mkdir(real(path).c_str(), mode));
}
int rename(const char* from, const char* to, unsigned flags) {
  if (flags != 0) return -EINVAL;
  return done(::rename(real(from).c_str(), real(to).c_str()));
}
int remove(const char* path) {
  return done(::unlink(real(path).c_str()));
}
int remove_directory(const char* path) {
  return done(::rmdir(real(path).c_str()));
}
int change_mode(const char* path, mode_t mode, fuse_file_info*) {
  return done(::chmod(real(path).c_str(), mode));
}
int set_times(const char* path, const timespec times[2], fuse_file_info*) {
  return done(::utimensat(AT_FDCWD, real(path).c_str(), times, AT_SYMLINK_NOFOLLOW));
}
int count_space(const char* path, struct statvfs* into) {
  return done(::statvfs(real(path).c_str(), into));
}
void* begin(fuse_conn_info*, fuse_config* config) {
  config->hard_remove = 1;  // files that are open and removed are gone, as on any disk
  config->nullpath_ok = 1;
  server->orders->is_ready.store(1);
  return nullptr;
}

fuse_operations all_operations() {
  fuse_operations operations{};
  operations.getattr = get_attributes;
  operations.opendir = open_directory;
  operations.readdir = list;
  operations.releasedir = release_directory;
  operations.open = open;
  operations.create = create;
  operations.read = read;
  operations.write = write;
  operations.fsync = sync;
  operations.fsyncdir = sync_directory;
  operations.truncate = resize;
  operations.fallocate = allocate;
  operations.release = release;
  operations.mkdir = make_directory;
  operations.rename = rename;
  operations.unlink = remove;
  operations.rmdir = remove_directory;
  operations.chmod = change_mode;
  operations.utimens = set_times;
  operations.statfs = count_space;
  operations.init = begin;
  return operations;
}

}  // namespace

bool has_faulty_disk_server() {
  return true;
}

int serve_faulty_disk(const std::string& folder, const std::string& mount_point,
                      FaultyDiskOrders& orders) {
  Server own;
  own.folder = folder;
  own.orders = &orders;
  server = &own;
  char name[] = "ringmain-faulty-disk", option[] = "-odefault_permissions";
  char* argv[] = {name, option, nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(2, argv);
  const fuse_operations operations = all_operations();
  fuse* mounted = ::fuse_new(&arguments, &operations, sizeof(operations), nullptr);
  if (mounted == nullptr || ::fuse_mount(mounted, mount_point.c_str()) != 0) return 2;
  const int result = ::fuse_loop(mounted);
  ::fuse_unmount(mounted);
  ::fuse_destroy(mounted);
  if (orders.loses_power.load() != 0) {
    Random random(orders.seed.load());
    const WriteCache::Loss loss = own.cache.lose(random);
    orders.lost_blocks.fetch_add(loss.lost_blocks);
    orders.kept_blocks.fetch_add(loss.kept_blocks);
  }
  // Whichever of both the kernel gives to a read that waits while it is unmounted.
  return result == 0 || result == -ECONNABORTED ? 0 : 4;
}

}  // namespace ringmain::crash

#else

namespace ringmain::crash {

bool has_faulty_disk_server() {
  return false;
}
int serve_faulty_disk(const std::string&, const std::string&, FaultyDiskOrders&) {
  return 2;
}

}  // namespace ringmain::crash

#endif
