// SPDX-License-Identifier: MIT
#include "server/namespace/rocks_kv.hpp"

#include "common/log.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <sys/stat.h>

#include <cerrno>

namespace orfa::server {
namespace {

rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}

Status to_status(const rocksdb::Status& status, const char* doing) {
    if (status.ok()) return {};
    if (status.IsNotFound()) return Status::from_errno(ENOENT);
    ORFA_LOG(server, error, "names: %s: %s", doing, status.ToString().c_str());
    return Status::from_errno(status.IsNoSpace() ? ENOSPC : EIO);
}

// Why a directory could not be opened; RocksDB tells it only in words.
Status open_error(const rocksdb::Status& status, const std::string& directory) {
    const std::string text = status.ToString();
    ORFA_LOG(server, error, "names: cannot open '%s': %s", directory.c_str(), text.c_str());
    if (text.find("LOCK") != std::string::npos || text.find("lock") != std::string::npos)
        return Status::from_errno(text.find("Permission") != std::string::npos ? EACCES : EBUSY);
    if (text.find("Permission denied") != std::string::npos) return Status::from_errno(EACCES);
    if (status.IsNoSpace()) return Status::from_errno(ENOSPC);
    return Status::from_errno(EIO);
}

rocksdb::Options database_options(const RocksOptions& options) {
    rocksdb::Options database;
    database.create_if_missing = true;
    // A torn last record of the log is what a crash leaves; anything else is damage.
    database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    database.max_background_jobs = 2;
    database.keep_log_file_num = 4;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    database.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return database;
}

}  // namespace

RocksKv::RocksKv(std::unique_ptr<rocksdb::DB> db, bool sync) : db_(std::move(db)), sync_(sync) {
}

RocksKv::~RocksKv() {
    // Without sync the log's last records may still be in this process.
    (void)to_status(db_->FlushWAL(true), "writing the log");
}

Result<std::unique_ptr<RocksKv>> RocksKv::open(const std::string& directory,
                                               const RocksOptions& options) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        const int reason = errno;
        ORFA_LOG(server, error, "names: cannot make '%s': errno %d", directory.c_str(), reason);
        return Status::from_errno(reason);
    }
    rocksdb::DB* db = nullptr;
    const rocksdb::Status opened = rocksdb::DB::Open(database_options(options), directory, &db);
    if (!opened.ok()) return open_error(opened, directory);
    return std::unique_ptr<RocksKv>(new RocksKv(std::unique_ptr<rocksdb::DB>(db), options.sync));
}

Status RocksKv::get(std::string_view key, std::string& value) {
    return to_status(db_->Get(rocksdb::ReadOptions(), slice(key), &value), "reading");
}

Status RocksKv::write(const KvBatch& batch) {
    rocksdb::WriteBatch changes;
    batch.for_each([&changes](std::string_view key, std::string_view value, bool erase) {
        // Fails only when the batch has a size limit.
        if (erase)
            (void)changes.Delete(slice(key));
        else
            (void)changes.Put(slice(key), slice(value));
    });
    rocksdb::WriteOptions how;
    how.sync = sync_;
    return to_status(db_->Write(how, &changes), "writing");
}

Status RocksKv::scan(std::string_view first, std::string_view end, const Visitor& visit) {
    rocksdb::ReadOptions how;
    const rocksdb::Slice bound = slice(end);
    how.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(how));
    for (at->Seek(slice(first)); at->Valid(); at->Next()) {
        const std::string_view key(at->key().data(), at->key().size());
        const std::string_view value(at->value().data(), at->value().size());
        if (!visit(key, value)) break;
    }
    return to_status(at->status(), "scanning");
}

}  // namespace orfa::server
