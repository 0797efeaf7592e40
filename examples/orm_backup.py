#!/usr/bin/python3
"""Backups of a SQLite database, seen through SQLAlchemy's ORM.

    orm_backup.py /srv/app.db                   what is there: the database's tables, its backups
    orm_backup.py /srv/app.db /mnt/app          takes a backup through a mount, then the same
    orm_backup.py /srv/app.db --backup          takes one without a mount, then the same

Connection strings
    the database        sqlite:////srv/app.db      (dbsnapfs takes this URL as its SOURCE, too)
    the catalog         sqlite:///file:/srv/app.db.backups/catalog.sqlite?mode=ro&uri=true
    a backup, in place  sqlite:////mnt/app/backups/latest/database.sqlite

Mapped tables
    backup_entries      BackupEntry: id, backup_time (UTC), name
    the database's own  by reflection (automap), live or in a backup alike: see tables()

The catalog is for reading: only dbsnapfs may write it.
"""

import os
import subprocess
import sys

from sqlalchemy import Column, DateTime, Integer, String, create_engine, inspect
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()


class BackupEntry(Base):
    """A backup. The columns are a part of the table's; dbsnapfs-format(5) has all of them."""

    __tablename__ = "backup_entries"

    id = Column(Integer, primary_key=True)
    backup_time = Column(DateTime, nullable=False)  # UTC, without a zone
    name = Column(String, nullable=False, unique=True)  # its directory below backups/

    def __repr__(self):
        return f"BackupEntry(id={self.id}, backup_time={self.backup_time.isoformat(' ')})"


def catalog_engine(database):
    """Of the repository beside the database. Read-only: it never makes or changes a file."""
    path = os.path.abspath(database) + ".backups/catalog.sqlite"
    return create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")


def entries(database):
    """All backups, oldest first."""
    if not os.path.exists(database + ".backups/catalog.sqlite"):
        return []
    with Session(catalog_engine(database)) as session:
        return session.query(BackupEntry).order_by(BackupEntry.id).all()


def run_control(mount, command):
    """Has the mount run a command; returns the line it answers with.

    The write takes as long as the command. The same open file then has this command's result."""
    control = os.open(os.path.join(mount, "control"), os.O_RDWR)
    try:
        failure = None
        try:
            os.write(control, command.encode() + b"\n")
        except OSError as error:
            failure = error
        os.lseek(control, 0, os.SEEK_SET)
        line = os.read(control, 65536).decode().partition("\n")[0]
        if failure:
            raise RuntimeError(line or str(failure)) from failure
        return line.removeprefix("ok ")
    finally:
        os.close(control)


def perform_backup(database, mount=None):
    """Takes a backup, through the mount if there is one, and returns its BackupEntry."""
    if mount and os.path.ismount(mount):
        line = run_control(mount, "backup")
    else:
        done = subprocess.run(["dbsnapfs", "backup", database], text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        line = done.stdout
    name = line.split()[0]
    with Session(catalog_engine(database)) as session:
        return session.query(BackupEntry).filter_by(name=name).one()


def tables(database):
    """Names of the mapped tables, and the columns of each."""
    inspector = inspect(create_engine(f"sqlite:///{os.path.abspath(database)}"))
    return {name: [column["name"] for column in inspector.get_columns(name)]
            for name in inspector.get_table_names()}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    database = sys.argv[1]
    for argument in sys.argv[2:]:
        mount = None if argument == "--backup" else argument
        print("new:", perform_backup(database, mount))
    print(f"connection: sqlite:///{os.path.abspath(database)}")
    for name, columns in tables(database).items():
        print(f"table {name}: {', '.join(columns)}")
    for entry in entries(database):
        print(entry)


if __name__ == "__main__":
    main()
