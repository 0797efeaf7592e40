# dbsnapfs: build, test, install. `make help` says how.
#
# Objects go to build/MODE (with a suffix under WITHOUT=), so modes never mix. A file in a room,
# a test or a fuzzer is found by its name: nothing is listed here.

VERSION := 0.1.0
MODE    ?= release
PREFIX  ?= /usr/local
WITHOUT ?=
DESTDIR ?=
SIZE    ?= 256
FUZZ_TIME ?= 60

ifneq ($(filter-out release debug asan tsan coverage fuzz,$(MODE)),)
$(error MODE is release, debug, asan, tsan or coverage, not "$(MODE)")
endif
ifneq ($(filter-out libdeflate libzstd,$(WITHOUT)),)
$(error WITHOUT takes libdeflate and libzstd, not "$(WITHOUT)")
endif

empty :=
space := $(empty) $(empty)
BUILD ?= build/$(MODE)$(if $(strip $(WITHOUT)),-without-$(subst $(space),-,$(sort $(WITHOUT))))

# Libraries. They may be missing now: `make deps` and the targets that call it install them and
# then start make again.

PKG_CONFIG ?= pkg-config
REQUIRED   := fuse3 sqlite3 zlib jansson libxxhash libcrypto
OPTIONAL   := $(filter-out $(WITHOUT),libdeflate libzstd)

have    = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo $(1))
found   := $(strip $(foreach l,$(REQUIRED) $(OPTIONAL),$(call have,$(l))))
missing := $(strip $(if $(shell command -v $(CC)),,$(CC)) $(filter-out $(found),$(REQUIRED)))

NEEDS_NO_LIBRARY := deps demo check check-unit check-mount lint bench fuzz format help clean \
                    uninstall
ifneq ($(filter-out $(NEEDS_NO_LIBRARY),$(or $(MAKECMDGOALS),all)),)
ifneq ($(missing),)
$(error missing: $(missing). Run `make deps` to install what the build needs)
endif
endif

HAVE     := $(patsubst lib%,-DHAVE_LIB%,$(filter $(OPTIONAL),$(found)))
HAVE     := $(subst deflate,DEFLATE,$(subst zstd,ZSTD,$(HAVE)))
LIB_CPP  := $(if $(found),$(shell $(PKG_CONFIG) --cflags $(found)))
LIB_LINK := $(if $(found),$(shell $(PKG_CONFIG) --libs $(found))) -lm -pthread

# Flags. CFLAGS, CPPFLAGS and LDFLAGS are the user's and come last.

WARN := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wvla -Wformat=2 -Wcast-qual \
        $(if $(DEVELOPER),-Werror)
HARDEN_C    := -fPIE -fstack-protector-strong
HARDEN_LINK := -pie -Wl,-z,relro,-z,now

C_release  := -O2 -g -D_FORTIFY_SOURCE=2
C_debug    := -Og -g3
C_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
C_tsan     := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
C_coverage := -O0 -g --coverage
L_asan     := -fsanitize=address,undefined
L_tsan     := -fsanitize=thread
L_coverage := --coverage
# `make fuzz` only: clang's libFuzzer brings its own main().
C_fuzz     := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -DDBSNAPFS_LIBFUZZER
L_fuzz     := -fsanitize=address,undefined,fuzzer

cpp_flags  := -Iinclude -Isrc -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
              -DDBSNAPFS_VERSION='"$(VERSION)"' \
              $(HAVE) $(LIB_CPP)
c_flags    := -std=c11 -pthread $(WARN) $(HARDEN_C) $(C_$(MODE))
link_flags := $(HARDEN_LINK) -Wl,--as-needed $(L_$(MODE))

compile   = $(CC) $(cpp_flags) $(c_flags) $(CPPFLAGS) $(CFLAGS)
link      = $(CC) $(c_flags) $(CFLAGS) $(link_flags) $(LDFLAGS) -o $@ $^ $(LIB_LINK)

# Files.

find      = $(sort $(shell find $(1) -name '$(2)' -type f 2>/dev/null))
sources   := $(call find,src,*.c)
library   := $(patsubst %.c,$(BUILD)/%.o,$(filter-out src/main.c,$(sources)))
unit      := $(call find,tests/unit,*.c)
suites    := $(filter-out %support.c tests/unit/main.c,$(unit))
fuzzers   := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
benchers  := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
man_pages := $(wildcard man/*.[1-8])
c_files   := $(foreach d,include src tests,$(call find,$(d),*.[ch]))

program   := $(BUILD)/dbsnapfs
archive   := $(BUILD)/libdbsnapfs.a
unit_test := $(BUILD)/unit
fuzz_bin  := $(fuzzers:%=$(BUILD)/fuzz/%)
bench_bin := $(benchers:%=$(BUILD)/bench/%)

Q   := $(if $(V),,@)
say  = $(if $(V),,@echo '  $(1)	$(2)')
# Starts make again, so that it sees what deps installed.
again = +@$(MAKE) --no-print-directory

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all tests deps demo check check-unit check-mount check-here lint lint-here bench \
        bench-here fuzz fuzz-here format install uninstall clean help FORCE

all: $(program)

help:
	@echo 'make             build $(program)'
	@echo 'make deps        install the Debian packages that the build needs'
	@echo 'make demo        a tour on a copy of a real database; DB=path takes yours'
	@echo 'make check       every test; check-unit and check-mount run a part'
	@echo 'make lint        style, static analysis, room order; ONLY="rooms sizes" runs a part'
	@echo 'make bench       side by side with other backup tools; SIZE=$(SIZE) (MiB)'
	@echo 'make fuzz        every fuzzer for FUZZ_TIME=$(FUZZ_TIME); FUZZ=name runs one'
	@echo 'make format      clang-format over all C files'
	@echo 'make install     PREFIX=$(PREFIX) DESTDIR=$(DESTDIR); make uninstall removes it'
	@echo 'make clean       removes build/'
	@echo
	@echo 'MODE=release|debug|asan|tsan|coverage   DEVELOPER=1 (-Werror)   V=1 (show commands)'
	@echo 'WITHOUT="libdeflate libzstd"            BUILD=folder            -j2'

# The program.

$(program): $(BUILD)/src/main.o $(archive)
	$(call say,LINK,$@)
	$(Q)$(link)

# Room names repeat file names, so members are appended, never replaced by name.
$(archive): $(library) $(BUILD)/sources
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) qcs $@ $(library)

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(compile) -MMD -MP -c -o $@ $<

# Files that change when what they remember does: flags rebuild everything, a source that comes or
# goes rebuilds the archive, a suite the list of suites.
quote     = '$(subst ','\'',$(1))'
remember  = @mkdir -p $(@D) && { echo $(call quote,$(1)) | cmp -s - $@ || \
            echo $(call quote,$(1)) >$@; }
$(BUILD)/flags: FORCE
	$(call remember,$(compile) $(link_flags) $(LDFLAGS) $(LIB_LINK))
$(BUILD)/sources: FORCE
	$(call remember,$(library))
$(BUILD)/suites: FORCE
	$(call remember,$(suites))

# Unit tests: tests/unit/ROOM/FILE.c defines suite_ROOM_FILE(); files that end in support.c help.

$(BUILD)/tests/unit/%.o: private cpp_flags += -I$(BUILD)/tests -Itests/unit
# suites.h declares the suites, for main.c alone: a new suite does not rebuild the others.
$(BUILD)/tests/unit/%.o: private c_flags += -Wno-missing-prototypes

functions = $(subst -,_,$(subst /,_,$(suites:tests/unit/%.c=suite_%)))
$(BUILD)/tests/suites.h: $(BUILD)/suites
	@mkdir -p $(@D)
	@printf '$(if $(suites),SUITE(%s)\n)' $(functions) >$@

$(BUILD)/tests/unit/main.o: $(BUILD)/tests/suites.h

$(unit_test): $(unit:%.c=$(BUILD)/%.o) $(archive)
	$(call say,LINK,$@)
	$(Q)$(link) $$($(PKG_CONFIG) --libs check)

# Fuzzers and bench tools: a program a file.

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(archive)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(link)

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(archive)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(link)

# Targets that install what they need, then start make again.

deps:
	@tests/deps.sh build

demo:
	@tests/deps.sh build demo
	$(again) all
	@DBSNAPFS=$(abspath $(program)) tests/demo.sh $(if $(DB),$(call quote,$(DB)))

check check-unit check-mount:
	@tests/deps.sh build check
	$(again) check-here PARTS='$(PARTS_$@)'

PARTS_check       := unit fuzz mount examples docs
PARTS_check-unit  := unit fuzz
PARTS_check-mount := mount

check-here: tests
	@MODE=$(MODE) tests/run-check $(BUILD) $(PARTS)

tests: $(program) $(unit_test) $(fuzz_bin)

lint:
	@tests/deps.sh build check lint
	$(again) lint-here

lint-here: $(BUILD)/tests/suites.h
	@CC='$(CC)' CPP=$(call quote,$(cpp_flags) -I$(BUILD)/tests -Itests/unit) tests/run-lint $(ONLY)

bench:
	@tests/deps.sh build demo bench
	$(again) bench-here

bench-here: $(program) $(bench_bin)
	@DBSNAPFS=$(abspath $(program)) BENCH_BIN=$(abspath $(BUILD)/bench) SIZE=$(SIZE) tests/bench/run

fuzz:
	@tests/deps.sh build fuzz
	$(again) fuzz-here MODE=fuzz CC=clang

fuzz-here: $(fuzz_bin)
	@tests/run-fuzz $(BUILD)/fuzz $(FUZZ_TIME) $(or $(FUZZ),$(fuzzers))

format:
	@clang-format -i $(c_files)

install: $(program)
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin
	$(Q)install -m 755 $(program) $(DESTDIR)$(PREFIX)/bin/dbsnapfs
	$(Q)for page in $(man_pages); do \
	    folder=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.} && \
	    install -d $$folder && install -m 644 $$page $$folder/ || exit 1; done

uninstall:
	$(Q)rm -f $(DESTDIR)$(PREFIX)/bin/dbsnapfs
	$(Q)for page in $(man_pages); do \
	    rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; done

clean:
	$(Q)rm -rf build

-include $(call find,$(BUILD),*.d)
