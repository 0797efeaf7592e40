/*
 * The header is that of section 1.3 of https://www.sqlite.org/fileformat2.html; pointer map pages
 * are where section 1.8 puts them, and the page that holds the bytes SQLite locks is never used.
 */
#include "source/sqlite/page_reader.h"

#include <errno.h>
#include <string.h>

#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/btree.h"

#define HEADER_BYTES 100u
#define MIN_USABLE 480u
#define LOCK_BYTE 0x40000000u
#define MAP_ENTRY_BYTES 5u

static uint32_t header_page_size(const uint8_t *header)
{
    uint32_t size = btree_get16(header + 16);

    return size == 1 ? 65536 : size;
}

static bool header_makes_sense(const struct page_reader *reader, const uint8_t *header)
{
    uint32_t size = reader->page_size;

    return memcmp(header, "SQLite format 3", 16) == 0 && header_page_size(header) == size &&
           size >= 512 && size <= 65536 && (size & (size - 1)) == 0 &&
           size - header[20] >= MIN_USABLE;
}

int page_reader_init(struct page_reader *reader, struct snapshot *snapshot, struct err *err)
{
    struct page_reader new = {.snapshot = snapshot, .page_size = snapshot_page_size(snapshot)};
    uint64_t count = new.page_size ? snapshot_bytes(snapshot) / new.page_size : 0;
    uint8_t header[HEADER_BYTES];
    size_t got = 0;
    int r;

    if (count == 0)
        return err_set(err, ENOTSUP, "a backup is empty: its pages cannot be compared");
    r = snapshot_read(snapshot, 0, header, sizeof(header), &got, err);
    if (r < 0)
        return r;
    if (got < sizeof(header) || count > UINT32_MAX || !header_makes_sense(&new, header))
        return err_set(err, ENOTSUP,
                       "a backup has another header than SQLite writes: its pages cannot be "
                       "compared");
    new.page_count = (uint32_t)count;
    new.usable = new.page_size - header[20];
    new.encoding = btree_get32(header + 56);
    new.auto_vacuum = btree_get32(header + 52) != 0;
    new.free_trunk = btree_get32(header + 32);
    *reader = new;
    return 0;
}

int page_reader_get(struct page_reader *reader, uint32_t page, void *bytes, size_t len,
                    struct err *err)
{
    size_t got = 0;
    int r;

    if (page == 0 || page > reader->page_count)
        return -EUCLEAN;
    reader->pages_read++;
    r = snapshot_read(reader->snapshot, (uint64_t)(page - 1) * reader->page_size, bytes, len, &got,
                      err);
    if (r == 0 && got < len)
        r = err_set(err, EIO, "page %u of the backup ends too early", (unsigned)page);
    return r;
}

uint64_t page_reader_block(const struct page_reader *reader, uint32_t page)
{
    return (uint64_t)(page - 1) * reader->page_size / snapshot_block_size(reader->snapshot);
}

bool page_reader_is_map(const struct page_reader *reader, uint32_t page)
{
    uint32_t lock_page = LOCK_BYTE / reader->page_size + 1;
    uint32_t group = reader->usable / MAP_ENTRY_BYTES + 1, map;

    if (page == lock_page)
        return true;
    if (!reader->auto_vacuum || page < 2)
        return false;
    map = (page - 2) / group * group + 2;
    return page == (map == lock_page ? map + 1 : map);
}
