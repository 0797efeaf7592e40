#!/usr/bin/python3
"""Looks at everything below a directory, as a curious user would, and says what became of it.

    look.py [--rows N] [--bytes N] [--same-as DIRECTORY] DIRECTORY

Reads every file and link; below rows/ and by/ those of the first N names of each directory. An
error other than those that damage may give ends it with 1, and so does a file that has fewer or
more bytes than stat says. What is longer than some bytes is left there. With --same-as, each file
that can be read must have the bytes that it has there. Prints how many files were read and how many
refused.
"""
import argparse
import errno
import os
import sys

ALLOWED = {errno.EIO, errno.ETIMEDOUT, errno.ENOMEM, errno.EFBIG, errno.E2BIG,
           errno.EMEDIUMTYPE}


class Look:
    def __init__(self, options):
        self.options = options
        self.read = self.refused = self.bad = 0

    def wrong(self, *words):
        print(*words)
        self.bad += 1

    def failed(self, path, problem):
        self.refused += 1
        if problem.errno not in ALLOWED:
            self.wrong(path, os.strerror(problem.errno))

    def names(self, path):
        """All where tables and files stand; some where rows do."""
        most = self.options.rows if '/rows' in path or '/by' in path else 1 << 30
        names = []
        with os.scandir(path) as found:
            for entry in found:
                names.append(entry.name)
                if len(names) >= most:
                    break
        return names

    def directory(self, path):
        try:
            names = self.names(path)
        except OSError as problem:
            self.failed(path, problem)
            return
        for name in names:
            inside = os.path.join(path, name)
            try:
                if os.path.islink(inside):
                    os.readlink(inside)
                elif os.path.isdir(inside):
                    self.directory(inside)
                else:
                    self.file(inside)
            except OSError as problem:
                self.failed(inside, problem)

    def file(self, path):
        size, done = os.stat(path).st_size, 0
        same = None
        if self.options.same_as:
            same = open(os.path.join(self.options.same_as, os.path.relpath(path, self.options.directory)), 'rb')
        with open(path, 'rb', buffering=0) as file:
            while done < self.options.bytes:
                piece = file.read(1 << 17)
                if same and same.read(len(piece)) != piece:
                    self.wrong(path, 'is not what it was, near byte', done)
                if not piece:
                    break
                done += len(piece)
        if done != size and done < self.options.bytes:
            self.wrong(path, 'has', done, 'bytes, stat says', size)
        self.read += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rows', type=int, default=4)
    parser.add_argument('--bytes', type=int, default=1 << 28)
    parser.add_argument('--same-as')
    parser.add_argument('directory')
    look = Look(parser.parse_args())
    look.directory(look.options.directory)
    print(look.read, 'read,', look.refused, 'refused')
    sys.exit(1 if look.bad else 0)


if __name__ == '__main__':
    main()
