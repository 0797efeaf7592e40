"""The tools that the bench compares, what runs and mounts them, and how they are measured."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]


class Failed(Exception):
    """A command that did not do its work; the text says which and why."""


# ---- running things ----


def spend(commands, env, stdout=None):
    """Runs commands in turn; returns (seconds, peak KiB of the largest)."""
    peak = 0
    start = time.monotonic()
    for command in commands:
        with tempfile.TemporaryFile() as said:
            command = [str(word) for word in command]
            process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                       stdout=stdout or said, stderr=said)
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                process.terminate()
                process.wait()
                raise
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines() or ["no message"]
                raise Failed(f"{' '.join(command)}: status {process.returncode}: {lines[-1]}")
        peak = max(peak, usage.ru_maxrss)
    return time.monotonic() - start, peak


def output(*command):
    """The first line a program prints, or ''."""
    try:
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter(done.stdout.strip().splitlines()), "")


def program():
    return os.environ.get("DBSNAPFS") or str(TOP / "build/release/dbsnapfs")


def drop_caches():
    os.sync()
    if os.geteuid() == 0:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n", encoding="ascii")


def tree_bytes(top):
    return sum(path.lstat().st_size for path in pathlib.Path(top).rglob("*")
               if path.is_file() and not path.is_symlink())


def warm(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


# ---- the tools ----


class Tool:
    """A way to back a database up, as lists of arguments; without `mount` it is not read from."""

    name = ""
    needs = ()
    archive = True  # takes part in backing up, not only in being read
    environment = {}
    probes = ("copy_out", "random_reads", "count_rows")  # ways it is read that end in a minute

    def __init__(self, bench):
        self.bench = bench
        self.database = bench.database
        self.repo = bench.scratch / f"repo-{self.name}"
        self.staged = bench.scratch / "staged.db"
        self.env = dict(os.environ)
        for key, value in self.environment.items():
            self.env[key] = value.format(home=bench.scratch)
        self.taken = 0

    def missing(self):
        return [program for program in self.needs if not shutil.which(program)]

    def stage(self):
        return ["sqlite3", self.database, f".backup '{self.staged}'"]

    def prepare(self):
        return []

    def commands(self):
        return []

    def mount(self, _mountpoint):
        return None

    def image(self, mountpoint):
        return mountpoint / self.staged.relative_to("/")

    def fresh(self):
        shutil.rmtree(self.repo, ignore_errors=True)
        self.taken = 0
        spend(self.prepare(), self.env)

    def backup(self):
        self.staged.unlink(missing_ok=True)
        warm(self.database)
        result = spend(self.commands(), self.env)
        self.taken += 1
        os.sync()
        return result


class Ours(Tool):
    name = "dbsnapfs"

    def __init__(self, bench):
        super().__init__(bench)
        self.program = program()
        self.repo = pathlib.Path(f"{self.database}.backups")

    def missing(self):
        return [] if shutil.which(self.program) else [self.program]

    def commands(self):
        return [[self.program, "backup", self.database]]

    def mount(self, mountpoint):
        return [self.program, "-f", self.database, mountpoint]

    def image(self, mountpoint):
        return mountpoint / "backups/latest/database.sqlite"


class Copy(Tool):
    name = ".backup"
    needs = ("sqlite3",)

    def prepare(self):
        return [["mkdir", self.repo]]

    def commands(self):
        return [["sqlite3", self.database, f".backup '{self.repo}/{self.taken}.db'"]]


class Zstd(Copy):
    name = "zstd"
    needs = ("sqlite3", "zstd")

    def commands(self):
        packed = self.repo / f"{self.taken}.zst"
        return [self.stage(), ["zstd", "-3", "-q", self.staged, "-o", packed]]


class Restic(Tool):
    name = "restic"
    needs = ("sqlite3", "restic")
    environment = {"RESTIC_PASSWORD": "bench"}

    def restic(self, *arguments):
        return ["restic", "--no-cache", "-q", "-r", self.repo, *arguments]

    def prepare(self):
        return [self.restic("init")]

    def commands(self):
        return [self.stage(), self.restic("backup", self.staged)]

    def mount(self, mountpoint):
        return self.restic("mount", mountpoint)

    def image(self, mountpoint):
        return mountpoint / "snapshots/latest" / self.staged.relative_to("/")


class Borg(Tool):
    name = "borg"
    needs = ("sqlite3", "borg")
    environment = {"BORG_BASE_DIR": "{home}/borg-home",
                   "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
    chunker = ()
    probes = ("copy_out", "random_reads")

    def prepare(self):
        return [["borg", "init", "-e", "none", self.repo]]

    def commands(self):
        return [self.stage(), ["borg", "create", "-C", "zstd,3", *self.chunker,
                               f"{self.repo}::{self.taken}", self.staged]]

    def mount(self, mountpoint):
        return ["borg", "mount", "-f", f"{self.repo}::{self.taken - 1}", mountpoint]


class BorgFixed(Borg):
    name = "borg-fixed"
    chunker = ("--chunker-params", "fixed,4096")

    def mount(self, _mountpoint):
        return None


class Bup(Tool):
    name = "bup"
    needs = ("sqlite3", "bup")
    environment = {"BUP_DIR": "{home}/repo-bup"}

    def prepare(self):
        return [["bup", "init"]]

    def commands(self):
        return [self.stage(), ["bup", "split", "-q", "-n", "db", self.staged]]


class Squashfuse(Copy):
    """The setting that gives the smallest file and still reads well."""

    name = "squashfuse-zstd"
    needs = ("sqlite3", "mksquashfs", "squashfuse_ll")
    archive = False
    packing = ("-comp", "zstd", "-b", "64K")

    def commands(self):
        return [self.stage(), ["mksquashfs", self.staged, self.repo / "image", *self.packing,
                               "-noappend", "-no-progress", "-quiet"]]

    def mount(self, mountpoint):
        return ["squashfuse_ll", "-f", self.repo / "image", mountpoint]

    def image(self, mountpoint):
        return mountpoint / self.staged.name


class SquashfuseFast(Squashfuse):
    """The setting that reads fastest; its file is half as large again."""

    name = "squashfuse-lz4"
    packing = ("-comp", "lz4", "-b", "16K")


TOOLS = (Ours, Copy, Zstd, Restic, Borg, BorgFixed, Bup, Squashfuse, SquashfuseFast)


class Mounted:
    """A tool's mount, made just now and with cold caches, for the length of a `with`."""

    def __init__(self, tool):
        self.tool = tool
        self.mountpoint = tool.bench.scratch / f"mnt-{tool.name}"
        self.process = None

    def __enter__(self):
        self.mountpoint.mkdir(exist_ok=True)
        command = [str(word) for word in self.tool.mount(self.mountpoint)]
        said = self.tool.bench.scratch / "mount.log"
        with open(said, "wb") as log:
            self.process = subprocess.Popen(command, env=self.tool.env, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        try:
            self.wait_until_ready(time.monotonic() + 120)
        except BaseException as problem:
            self.__exit__()
            if isinstance(problem, Failed):
                text = said.read_text(errors="replace").strip()
                raise Failed(f"{' '.join(command)}: {problem}: {text[-300:]}") from None
            raise
        drop_caches()
        return self

    def wait_until_ready(self, deadline):
        while not (os.path.ismount(self.mountpoint) and self.tool.image(self.mountpoint).exists()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed("did not mount")
            time.sleep(0.02)

    def peak_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        return 0

    def __exit__(self, *_):
        unmount(self.mountpoint)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def unmount(mountpoint):
    for _ in range(50):
        if not os.path.ismount(mountpoint):
            return
        output("fusermount3", "-u", mountpoint)
        time.sleep(0.1)
    output("fusermount3", "-uz", mountpoint)


