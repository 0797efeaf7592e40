#!/usr/bin/python3
"""Decodes a repository from the words of dbsnapfs-format(5) alone.

    decode.py REPOSITORY BACKUP_ID OUTPUT    writes the image of a backup
    decode.py --example < dbsnapfs-format.5  checks the bytes that the page's example shows

Nothing here comes from the program's sources: when the two disagree, the page is wrong, or the
program. Python's standard library does it, except for checksums, which are checked with
python3-xxhash, and for Zstandard, which it lacks.
"""

import json
import pathlib
import re
import sqlite3
import struct
import sys
import zlib

import xxhash

SHARD_BLOCKS = 1024
FULL, DELTA = 0, 1


def check(condition, what):
    if not condition:
        sys.exit(f"decode.py: {what}")


class Numbers:
    """Variable-length numbers, one behind the other."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self):
        value = self.varint()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def take(self, count):
        self.at += count
        return self.data[self.at - count : self.at]


def decompress(codec, data, length, dictionary=b""):
    if codec == 0:
        result = data
    elif codec == 1:
        inflater = zlib.decompressobj(-15, zdict=dictionary) if dictionary else zlib.decompressobj(-15)
        result = inflater.decompress(data)
        check(inflater.eof and not inflater.unused_data, "a DEFLATE stream does not end where it should")
    else:
        sys.exit(f"decode.py: codec {codec} is not for this script")
    check(len(result) == length, f"{len(result)} bytes instead of {length}")
    return result


def record_checksum(kind, body, offset):
    seed = xxhash.xxh3_64_intdigest(kind + struct.pack("<IQ", len(body), offset))
    return xxhash.xxh3_64_intdigest(body, seed=seed)


def read_header(data):
    magic, version = struct.unpack_from("<8sI", data)
    repo_id, seed, backup, checksum = struct.unpack_from("<16sQQ8xQ", data, 16)
    check(magic == b"DBSNAPFS" and version == 1, "not a header of version 1")
    check(checksum == xxhash.xxh3_64_intdigest(data[:56]), "the header's checksum")
    return repo_id, seed, backup


def read_footer(data):
    magic, backup, index, manifest, first, count, length, repo_id, seed, checksum = struct.unpack(
        "<8sQQQQQQ16sQ8xQ", data
    )
    check(magic == b"SNAPFEND", "not a footer")
    check(checksum == xxhash.xxh3_64_intdigest(data[:88]), "the footer's checksum")
    return {"backup": backup, "index": index, "manifest": manifest, "first": first, "count": count,
            "length": length, "identity": (repo_id, seed)}


def read_index(body):
    first, frames, maps = struct.unpack_from("<QQQ", body)
    places = struct.unpack_from(f"<{frames}Q", body, 24)
    places = [(place % 2**44, place >> 44) for place in places]
    entries = [struct.unpack_from("<IIQ", body, 24 + 8 * frames + 16 * i) for i in range(maps)]
    check(24 + 8 * frames + 16 * maps == len(body), "the index's length")
    return first, places, entries


def read_map(body):
    backup, shard, kind, codec, count, length = struct.unpack_from("<QIBB2xII", body)
    numbers = Numbers(decompress(codec, body[24:], length))
    block, frame, places = -1, 0, {}
    for _ in range(count):
        block += 1 + numbers.varint()
        frame += numbers.signed()
        places[block] = (frame, numbers.varint())
    check(numbers.at == length, "bytes are left behind a map's entries")
    return backup, shard, kind, places


def read_frame_head(body):
    frame, kind, codec, count, size, payload = struct.unpack_from("<QBBBxII4x", body)
    numbers, block, slots = Numbers(body, 24), -1, []
    for _ in range(count):
        block += numbers.signed() + 1
        slot = {"block": block, "hash": int.from_bytes(numbers.take(8), "little")}
        if kind == DELTA:
            slot["base"] = (frame - numbers.varint(), numbers.varint())
            slot["length"] = numbers.varint()
        slots.append(slot)
    check(numbers.at == payload, "the payload's offset")
    return frame, kind, codec, size, slots, body[payload:]


class Segment:
    def __init__(self, path):
        self.data = path.read_bytes()
        identity = read_header(self.data)
        self.footer = read_footer(self.data[-96:])
        check(self.footer["backup"] == identity[2] == int(path.stem), "the segment of another backup")
        check(self.footer["identity"] == identity[:2], "header and footer differ")
        check(self.footer["length"] == len(self.data), "the file's length")
        self.seed = identity[1]
        self.first, self.frames, self.maps = read_index(self.record(self.footer["index"], b"INDX"))
        check((self.first, len(self.frames)) == (self.footer["first"], self.footer["count"]),
              "index and footer differ")
        manifest = self.record(self.footer["manifest"], b"MANI")
        second = self.footer["manifest"] + 16 + len(manifest)
        check(manifest == self.record(second, b"MANI"), "the two manifests differ")
        check(second + 16 + len(manifest) == len(self.data) - 96, "bytes between MANI and footer")
        self.manifest = json.loads(manifest)
        self.walk()

    def record(self, offset, kind):
        found, length, checksum = struct.unpack_from("<4sIQ", self.data, offset)
        body = self.data[offset + 16 : offset + 16 + length]
        check(found == kind and len(body) == length, f"no {kind} at byte {offset}")
        check(checksum == record_checksum(kind, body, offset), f"the checksum at byte {offset}")
        return body

    def walk(self):
        """From record to record, without the index, which must agree."""
        offset, frames, maps = 64, {}, []
        while self.data[offset : offset + 4] in (b"FRAM", b"MAPS"):
            body = self.record(offset, self.data[offset : offset + 4])
            if self.data[offset : offset + 4] == b"FRAM":
                frames[read_frame_head(body)[0]] = (offset, len(body))
            else:
                _, shard, kind, _ = read_map(body)
                maps.append((shard, kind, offset))
            offset += 16 + len(body)
        check(offset == self.footer["index"], "the index is not behind the last frame or map")
        check(frames == {self.first + i: at for i, at in enumerate(self.frames)}, "frames of the index")
        check(maps == self.maps, "maps of the index")


class Repository:
    def __init__(self, path):
        self.segments = {}
        for name in sorted((path / "segments").glob("*.seg")):
            segment = Segment(name)
            self.segments[segment.footer["backup"]] = segment
        self.blocks = {}
        self.check_catalog(path / "catalog.sqlite")

    def check_catalog(self, path):
        data = path.read_bytes()
        check(data[20] == 8 and len(data) % 4096 == 0, "the catalog's pages")
        for number in range(1, len(data) // 4096 + 1):
            page = data[4096 * (number - 1) : 4096 * number]
            wanted = xxhash.xxh3_64_intdigest(page[:4088], seed=number).to_bytes(8, "little")
            check(page[4088:] == wanted or not any(page), f"the checksum of the catalog's page {number}")
        db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        check(db.execute("PRAGMA user_version").fetchone() == (1,), "the catalog's version")
        check(db.execute("PRAGMA application_id").fetchone() == (0x64627366,), "the application id")
        for backup, segment in self.segments.items():
            m, f = segment.manifest, segment.footer
            row = db.execute(
                "SELECT name, image_bytes, block_count, stored_bytes, hex(digest), started_ns,"
                " changed_blocks, delta_blocks FROM backup_entries WHERE id = ?", (backup,)).fetchone()
            check(row == (m["name"], m["database_bytes"], m["block_count"], m["stored_bytes"],
                          m["digest"].upper(), m["started_ns"], m["changed_blocks"],
                          m["delta_blocks"]), "backup_entries and manifest differ")
            row = db.execute("SELECT first_frame, frame_count, index_offset, bytes FROM segments"
                             " WHERE id = ?", (backup,)).fetchone()
            check(row == (f["first"], f["count"], f["index"], f["length"]), "segments differs")
            rows = db.execute("SELECT shard, kind, offset FROM map_shards WHERE backup_id = ?"
                              " ORDER BY offset", (backup,)).fetchall()
            check(rows == sorted(segment.maps, key=lambda entry: entry[2]), "map_shards differs")
        repo_id, seed = db.execute("SELECT repo_id, seed FROM repository WHERE id = 1").fetchone()
        check(all(s.footer["identity"] == (repo_id, seed % 2**64) for s in self.segments.values()),
              "repository differs")
        db.close()

    def shard(self, backup, number):
        places, length = {}, 0
        for older in sorted((b for b in self.segments if b <= backup), reverse=True):
            for shard, kind, offset in self.segments[older].maps:
                if shard != number:
                    continue
                named = read_map(self.segments[older].record(offset, b"MAPS"))
                check(named[:3] == (older, number, kind), "a map record of another backup or shard")
                places = {**named[3], **places}
                length += 1
                check(length <= 16, "a chain of more than 16 records")
                if kind == 1:
                    return places
        sys.exit(f"decode.py: shard {number} of backup {backup} has no full record")

    def frame(self, number):
        """The blocks of a frame, slot by slot, each checked against its hash."""
        if number in self.blocks:
            return self.blocks[number]
        segment = next(s for s in self.segments.values()
                       if s.first <= number < s.first + len(s.frames))
        body = segment.record(segment.frames[number - segment.first][0], b"FRAM")
        name, kind, codec, size, slots, payload = read_frame_head(body)
        check(name == number, "another frame stands there")
        blocks = []
        if kind == FULL:
            whole = decompress(codec, payload, size * len(slots))
            blocks = [whole[i * size : (i + 1) * size] for i in range(len(slots))]
        else:
            rest = Numbers(payload)
            for slot in slots:
                base_block, base = self.frame(slot["base"][0])[slot["base"][1]]
                check(base_block == slot["block"], "the base is another block")
                blocks.append(decompress(codec, rest.take(slot["length"]), size, base))
            check(rest.at == len(payload), "bytes are left in a delta frame")
        for slot, block in zip(slots, blocks):
            low = xxhash.xxh3_128_intdigest(block, seed=segment.seed) % 2**64
            check(low == slot["hash"], f"the content of block {slot['block']}")
        self.blocks[number] = [(slot["block"], block) for slot, block in zip(slots, blocks)]
        return self.blocks[number]

    def image(self, backup):
        segment = self.segments[backup]
        count, size = segment.manifest["block_count"], segment.manifest["block_size"]
        blocks, shard = [], {}
        for block in range(count):
            if block % SHARD_BLOCKS == 0:
                shard = self.shard(backup, block // SHARD_BLOCKS)
            frame, slot = shard[block % SHARD_BLOCKS]
            found, data = self.frame(frame)[slot]
            check(found == block and len(data) == size, f"block {block} is not in its place")
            blocks.append(data)
        digest = xxhash.xxh3_128()
        for block in blocks[1:] + blocks[:1]:
            low = xxhash.xxh3_128_intdigest(block, seed=segment.seed) % 2**64
            digest.update(low.to_bytes(8, "little"))
        check(digest.hexdigest() == segment.manifest["digest"], "the image's digest")
        return b"".join(blocks)[: segment.manifest["database_bytes"]]


def check_fingerprints(repository, path, backup):
    """The fingerprint file of the newest backup, if that is the one."""
    name = path / "segments" / f"{backup:010}.fpr"
    if backup != max(repository.segments):
        check(not name.exists(), "an older backup has a fingerprint file")
        return
    data, segment = name.read_bytes(), repository.segments[backup]
    size = segment.manifest["block_size"]
    image = repository.image(backup)
    prints = []
    for at in range(0, len(image), size):
        value = xxhash.xxh3_128_intdigest(image[at : at + size].ljust(size, b"\0"), seed=segment.seed)
        prints.append(value.to_bytes(16, "little"))
    footer = data[-64:]
    check(data[:-64] == bytes(16) + b"".join(prints[1:]), "fingerprints")
    check(footer[:8] == b"DBSNAPFP" and footer[24:40] == prints[0], "the fingerprints' footer")
    check(footer[8:16] == backup.to_bytes(8, "little"), "the fingerprints' id")
    check(footer[40:56].hex() == segment.manifest["digest"], "the fingerprints' digest")
    check(footer[56:] == xxhash.xxh3_64_intdigest(footer[:56]).to_bytes(8, "little"),
          "the fingerprints' checksum")


def check_example(page):
    """The dump in the page: every piece must lie where it says, and its checksum must be right."""
    data = {}
    for offset, text in re.findall(r"^([0-9a-f]{4})((?:  ?[0-9a-f]{2})+)$", page, re.M):
        for i, byte in enumerate(bytes.fromhex(text)):
            check((int(offset, 16) + i) not in data, f"{offset} overlaps")
            data[int(offset, 16) + i] = byte

    def piece(at, length):
        return bytes(data[at + i] for i in range(length))

    identity = read_header(piece(0, 64))
    end = max(data) + 1
    footer = read_footer(piece(end - 96, 96))
    check(footer["identity"] == identity[:2] and footer["length"] == end, "the example's footer")
    check(f"0x{identity[1]:016x}" in page, "the example's seed")
    for at, kind in ((0x12C, b"MAPS"), (footer["index"], b"INDX")):
        found, length, checksum = struct.unpack("<4sIQ", piece(at, 16))
        body = piece(at + 16, length)
        check(found == kind and checksum == record_checksum(kind, body, at), f"the example's {kind}")
        if kind == b"MAPS":
            check(read_map(body) == (1, 0, 1, {0: (1, 1), 1: (1, 0)}), "the example's map")
        else:
            check(read_index(body) == (1, [(0x40, 0xDC)], [(0, 1, 0x12C)]), "the example's index")
    head = piece(0x50, 0x2A)
    _, kind, codec, size, slots, _ = read_frame_head(head)
    check((kind, codec, size, [s["block"] for s in slots]) == (0, 1, 4096, [1, 0]),
          "the example's frame")


def main():
    if sys.argv[1:] == ["--example"]:
        check_example(sys.stdin.read())
        return
    path, backup = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    repository = Repository(path)
    pathlib.Path(sys.argv[3]).write_bytes(repository.image(backup))
    check_fingerprints(repository, path, backup)


main()
