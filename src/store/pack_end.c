/*
 * What stands behind the frames and the map in a segment: the index, the manifest, the footer; and
 * the commit that gives the file its name.
 */
#include <errno.h>
#include <string.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/probe.h"
#include "store/pack_internal.h"
#include "store/repo_internal.h"

/* Places of all frames by id, then the map records: so the catalog can be made again without
 * walking through the segment. */
static int packer_index(struct packer *p, struct catalog_segment *segment, struct err *err)
{
    uint8_t bytes[FORMAT_INDEX_HEAD_BYTES];

    segment->first_frame = p->geometry.first_frame;
    segment->frame_count = p->next_frame - p->geometry.first_frame;
    segment->index_offset = p->offset;
    format_put64(bytes, segment->first_frame);
    format_put64(bytes + 8, segment->frame_count);
    format_put64(bytes + 16, p->map_count);
    buf_clear(&p->scratch);
    buf_add(&p->scratch, bytes, sizeof(bytes));
    for (size_t i = 0; i < segment->frame_count; i++) {
        format_put64(bytes, p->frame_places[i]);
        buf_add(&p->scratch, bytes, 8);
    }
    for (size_t i = 0; i < p->map_count; i++) {
        format_put32(bytes, p->maps[i].shard);
        format_put32(bytes + 4, p->maps[i].kind);
        format_put64(bytes + 8, p->maps[i].offset);
        buf_add(&p->scratch, bytes, FORMAT_INDEX_MAP_BYTES);
    }
    return packer_record(p, RECORD_INDEX, &p->scratch, err);
}

/* The manifest, twice: it is small, and the only place of what it says. It states the size of the
 * file that it stands in, so it is rendered until the two agree. */
static int packer_manifest(struct packer *p, struct backup_entry *entry,
                           struct segment_footer *footer, struct err *err)
{
    int code;

    footer->manifest_offset = p->offset;
    entry->stored_bytes = 0;
    for (;;) {
        uint64_t bytes;

        buf_clear(&p->scratch);
        code = backup_entry_json(entry, &p->scratch);
        if (code)
            return err_set(err, -code, "cannot write the manifest");
        bytes = p->offset + 2 * (FORMAT_RECORD_BYTES + p->scratch.len) + FORMAT_FOOTER_BYTES;
        if (bytes == entry->stored_bytes)
            break;
        entry->stored_bytes = bytes;
    }
    code = packer_record(p, RECORD_MANIFEST, &p->scratch, err);
    return code ? code : packer_record(p, RECORD_MANIFEST, &p->scratch, err);
}

static int packer_footer(struct packer *p, struct backup_entry *entry,
                         struct catalog_segment *segment, struct err *err)
{
    struct segment_footer footer = {.backup_id = entry->id,
                                    .index_offset = segment->index_offset,
                                    .first_frame = segment->first_frame,
                                    .frame_count = segment->frame_count,
                                    .seed = p->repo->identity.seed};
    uint8_t bytes[FORMAT_FOOTER_BYTES];
    int code = packer_manifest(p, entry, &footer, err);

    if (code)
        return code;
    memcpy(footer.repo_id, p->repo->identity.repo_id, sizeof(footer.repo_id));
    footer.file_bytes = entry->stored_bytes;
    segment->id = entry->id;
    segment->bytes = entry->stored_bytes;
    segment_footer_encode(&footer, bytes);
    code = packer_write(p, bytes, sizeof(bytes), err);
    if (code == 0 && (code = probe_hit("segment-commit")) != 0)
        err_sys(err, -code, "%s/segments/%010llu.seg: cannot commit", p->repo->path,
                (unsigned long long)entry->id);
    if (code == 0) {
        code = storage_commit(p->upload, err);
        p->upload = NULL;
    }
    return code;
}

int packer_end(struct packer *p, struct backup_entry *entry, struct catalog_segment *segment,
               struct err *err)
{
    int code = packer_index(p, segment, err);

    return code ? code : packer_footer(p, entry, segment, err);
}
