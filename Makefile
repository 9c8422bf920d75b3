# make            build everything into build/bin (BUILD=asan|tsan|debug|cov: into build-asan/bin, ...)
# make run        the main job in the foreground: install missing packages, build, zone, origins, daemons
# make test       install missing packages, build, run all tests (T=tests/x.t: one of them)
# make lint coverage fuzz soak model test-nodes test-faults test-peers test-browser test-clients test-suspend test-replace test-flaps bench bench-instructions bench-affinity bench-monitor bench-latency bench-api bench-scale bench-seal bench-dashboard bench-nodes docs picture format install uninstall deb test-deb test-boot dist clean

BUILD ?= release
PREFIX ?= /usr/local
VERSION := 0.1.0

OUT := $(if $(filter release,$(BUILD)),build,build-$(BUILD))

# If packages are missing, `make test` and `make run` install them before they build.
LIBS := ldns libevent_core libevent_extra libevent_pthreads libevent_openssl libssl libcrypto lmdb libcurl jansson libmaxminddb libcares libidn2 zlib libseccomp libfstrm libprotobuf-c

CC ?= cc
CSTD := -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"'
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla -Wformat=2 \
	-Wpointer-arith -Wno-format-nonliteral
# Release builds are hardened: bounds checks by the compiler, stack protector and clash protection, control-flow
# protection, position independence, and relocations that are read-only after the start (tests/admin/install.t).
CFLOW := $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-fcf-protection,$(if $(filter aarch64%,$(shell $(CC) -dumpmachine)),-mbranch-protection=standard))
OPT_release := -O2 -g -D_FORTIFY_SOURCE=2 -fPIE -fstack-clash-protection $(CFLOW)
LINK_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack
OPT_debug := -O0 -g3
OPT_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan := -O1 -g -fsanitize=thread
OPT_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
OPT_cov := -O0 -g --coverage -DSEAL_NEVER
ALL_CFLAGS := $(CSTD) $(WARN) $(OPT_$(BUILD)) -pthread -fstack-protector-strong -MMD -MP -I. -I$(OUT)/made $(CPPFLAGS) $(CFLAGS)
# A program is linked only with the libraries that it uses.
LDLIBS := -Wl,--as-needed $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lm

ZONES := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard zones/*/*.c))
DNSD := $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out dnsd/main.c,$(wildcard dnsd/*.c))) $(OUT)/made/dnstap.pb-c.o
MONITOR := $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out monitor/main.c,$(wildcard monitor/*.c monitor/*/*.c)))
ADMIN := $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out admin/api/main.c,$(wildcard admin/*/*.c)))
SIGNER := $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out signer/main.c,$(wildcard signer/*.c signer/*/*.c)))
SYNC := $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out sync/main.c,$(wildcard sync/*.c sync/*/*.c)))
PROGRAMS := $(if $(wildcard dnsd/main.c),$(OUT)/bin/graycloud-dnsd) \
	$(if $(wildcard monitor/main.c),$(OUT)/bin/graycloud-monitor) \
	$(if $(wildcard admin/main.c),$(OUT)/bin/graycloud) \
	$(if $(wildcard admin/api/main.c),$(OUT)/bin/graycloud-api) \
	$(if $(wildcard signer/main.c),$(OUT)/bin/graycloud-signer) \
	$(if $(wildcard sync/main.c),$(OUT)/bin/graycloud-sync)
# Tests are in folders by topic (tests/README.md); their programs and scripts are in tests/tools.
TOPICS := dns steering health admin robust nodes
HELPERS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/tools/*.c))
PRELOADS := $(patsubst tests/tools/preload/%.c,$(OUT)/tests/tools/%.so,$(wildcard tests/tools/preload/*.c))
# Programs of the next schema, for nodes of two versions (tests/nodes/mixed.t): the same objects, but those that know its number.
NEXT := $(addprefix $(OUT)/next/bin/,graycloud graycloud-monitor graycloud-dnsd graycloud-sync)
NEXT_OBJECTS = $(patsubst %.c,$(OUT)/next/obj/%.o,$(shell grep -rl CONFIG_SCHEMA --include=*.c $(1)))
BENCHES := $(patsubst bench/%.c,$(OUT)/bench/%,$(wildcard bench/*.c))
UNITS := $(patsubst %.c,$(OUT)/%,$(wildcard $(TOPICS:%=tests/%/*.c)))
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(patsubst %,$(OUT)/tests/fuzz/replay_%,$(FUZZERS))
T ?= $(UNITS) $(wildcard $(TOPICS:%=tests/%/*.t))

all: $(PROGRAMS)

# Order-only: without the libraries nothing compiles; this rule lists the packages to install.
libraries:
	@{ pkg-config --exists $(LIBS) && command -v protoc-c; } >/dev/null 2>&1 || { echo "pkg-config does not find all of $(LIBS), or there is no protoc-c" >&2; tests/tools/packages --list build; exit 1; }

$(OUT)/obj/%.o: %.c Makefile | libraries
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# The frames of the query log (dnsd/dnstap.proto): only dnsd/tap_writer.c uses them.
$(OUT)/made/dnstap.pb-c.c $(OUT)/made/dnstap.pb-c.h &: dnsd/dnstap.proto | libraries
	@mkdir -p $(@D)
	protoc-c --proto_path=dnsd --c_out=$(OUT)/made dnstap.proto
$(OUT)/made/dnstap.pb-c.o: $(OUT)/made/dnstap.pb-c.c
	$(CC) $(ALL_CFLAGS) -w -c -o $@ $<
$(OUT)/obj/dnsd/tap_writer.o: $(OUT)/made/dnstap.pb-c.h

# The dashboard: its files as arrays, and a table of them (admin/api/web.c).
WEB := $(sort $(wildcard admin/api/web/*))
$(OUT)/made/web_files.inc: $(WEB) Makefile
	@mkdir -p $(@D)
	@n=0; for f in $(WEB); do n=$$((n + 1)); echo "static const unsigned char file_$$n[] = {"; od -An -v -tx1 $$f | sed 's/ \(..\)/0x\1,/g'; echo "};"; done >$@.new
	@{ echo "static const struct file files[] = {"; n=0; for f in $(WEB); do n=$$((n + 1)); echo "{\"$${f##*/}\", file_$$n, sizeof file_$$n},"; done; echo "};"; } >>$@.new
	@mv $@.new $@
$(OUT)/obj/admin/api/web.o: $(OUT)/made/web_files.inc

$(OUT)/libzones.a: $(ZONES)
$(OUT)/libdnsd.a: $(DNSD)
$(OUT)/libmonitor.a: $(MONITOR)
$(OUT)/libadmin.a: $(ADMIN)
$(OUT)/libsync.a: $(SYNC)
$(OUT)/libsigner.a: $(SIGNER)
$(OUT)/lib%.a:
	@rm -f $@
	ar rcs $@ $^

$(OUT)/bin/graycloud-dnsd: $(OUT)/obj/dnsd/main.o $(OUT)/libdnsd.a $(OUT)/libzones.a
$(OUT)/bin/graycloud-monitor: $(OUT)/obj/monitor/main.o $(OUT)/libmonitor.a $(OUT)/libzones.a
$(OUT)/bin/graycloud: $(OUT)/obj/admin/main.o $(OUT)/libadmin.a $(OUT)/libzones.a
$(OUT)/bin/graycloud-api: $(OUT)/obj/admin/api/main.o $(OUT)/libadmin.a $(OUT)/libzones.a
$(OUT)/bin/graycloud-signer: $(OUT)/obj/signer/main.o $(OUT)/libsigner.a $(OUT)/libzones.a
$(OUT)/bin/graycloud-sync: $(OUT)/obj/sync/main.o $(OUT)/libsync.a $(OUT)/libzones.a
$(PROGRAMS):
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK_$(BUILD)) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Test programs: a unit may use every room; a helper (an origin server, a load generator) only zones/, or sync/.
$(UNITS): $(OUT)/tests/%: $(OUT)/obj/tests/%.o $(OUT)/libdnsd.a $(OUT)/libmonitor.a $(OUT)/libadmin.a $(OUT)/libsync.a $(OUT)/libsigner.a $(OUT)/libzones.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK_$(BUILD)) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka
$(HELPERS): $(OUT)/tests/%: $(OUT)/obj/tests/%.o $(OUT)/libsync.a $(OUT)/libzones.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK_$(BUILD)) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# Libraries that tests load before the C library.
$(OUT)/next/obj/%.o: %.c Makefile | libraries
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DTEST_SCHEMA=2 -c -o $@ $<
$(OUT)/next/bin/graycloud: $(OUT)/obj/admin/main.o $(call NEXT_OBJECTS,admin zones) $(OUT)/libadmin.a $(OUT)/libzones.a
$(OUT)/next/bin/graycloud-monitor: $(OUT)/obj/monitor/main.o $(call NEXT_OBJECTS,monitor zones) $(OUT)/libmonitor.a $(OUT)/libzones.a
$(OUT)/next/bin/graycloud-dnsd: $(OUT)/obj/dnsd/main.o $(call NEXT_OBJECTS,zones) $(OUT)/libdnsd.a $(OUT)/libzones.a
$(OUT)/next/bin/graycloud-sync: $(OUT)/obj/sync/main.o $(call NEXT_OBJECTS,sync zones) $(OUT)/libsync.a $(OUT)/libzones.a
$(NEXT):
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK_$(BUILD)) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(PRELOADS): $(OUT)/tests/tools/%.so: tests/tools/preload/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(WARN) -O2 -fPIC -shared -o $@ $< -ldl
$(BENCHES): $(OUT)/bench/%: $(OUT)/obj/bench/%.o $(OUT)/libzones.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK_$(BUILD)) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(REPLAYS): $(OUT)/tests/fuzz/replay_%: $(OUT)/obj/tests/fuzz/fuzz_%.o $(OUT)/obj/tests/fuzz/replay.o $(OUT)/libdnsd.a $(OUT)/libmonitor.a $(OUT)/libadmin.a $(OUT)/libsync.a $(OUT)/libsigner.a $(OUT)/libzones.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK_$(BUILD)) $(LDFLAGS) -o $@ $^ $(LDLIBS)

-include $(shell find $(OUT)/obj $(OUT)/next/obj -name '*.d' 2>/dev/null)

# The sub-make reads pkg-config again after the installation of packages.
packages-%:
	@tests/tools/packages $*

test: packages-test
	@$(MAKE) --no-print-directory BUILD=$(BUILD) check

# Many tests wait for the TTL of a record or a time-out: three at once keep two cores busy.
JOBS ?= 3

# Only the units: a package build can run these.
units: $(UNITS)
	GRAYCLOUD_BUILD=$(OUT) CMOCKA_MESSAGE_OUTPUT=tap prove --merge -j2 $(UNITS)

check: $(PROGRAMS) $(NEXT) $(HELPERS) $(PRELOADS) $(UNITS) $(REPLAYS)
	@rm -rf $(OUT)/tap
	GRAYCLOUD_BUILD=$(OUT) CMOCKA_MESSAGE_OUTPUT=tap PERL_TEST_HARNESS_DUMP_TAP=$(OUT)/tap prove --merge -j$(JOBS) -Itests/lib $(T) || \
	    { tests/tools/failures $(OUT)/tap; exit 1; }

run: packages-build
	@$(MAKE) --no-print-directory run-built
run-built: $(PROGRAMS) $(HELPERS)
	@GRAYCLOUD_BUILD=$(OUT) exec tests/tools/run

# The order of the rooms is checked for the symbols of the objects, too.
lint: $(PROGRAMS)
	OBJECTS=$(OUT)/obj tests/tools/lint

# FUZZ=serve SECONDS=600: one target, for ten minutes.
FUZZ ?= $(FUZZERS)
SECONDS ?= 60
fuzz: packages-fuzz
	@$(MAKE) --no-print-directory BUILD=fuzz CC=clang $(FUZZ:%=build-fuzz/obj/tests/fuzz/fuzz_%.o) build-fuzz/libdnsd.a build-fuzz/libmonitor.a build-fuzz/libadmin.a build-fuzz/libsync.a build-fuzz/libsigner.a build-fuzz/libzones.a
	@tests/fuzz/run $(SECONDS) $(FUZZ)

# Ten million malformed messages in one process, a million and more over sockets: memory does not grow. Then half an hour of mixed
# load: flapping origins, commands, reloads, new and closed connections; it ends with one table.
SOAK_MINUTES ?= 30
soak: packages-test
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(HELPERS) $(OUT)/tests/robust/soak
	SOAK=10000000 GRAYCLOUD_BUILD=$(OUT) CMOCKA_MESSAGE_OUTPUT=tap prove -v --merge -Itests/lib $(OUT)/tests/robust/soak tests/robust/soak.t
	SOAK_MINUTES=$(SOAK_MINUTES) GRAYCLOUD_BUILD=$(OUT) prove -v --merge -Itests/lib tests/robust/mixed.t

# Faults, in their long versions: thousands of kills at any instant, sixteen writers for a minute, full disks and maps, stores that are cut off or
# damaged, clock steps, no descriptors, interrupted calls and partial sends, memory that runs out, a link that fails and returns; 2,000 random events
# around a signed zone. `make test` has a short version of each.
FAULTS := killed signer_killed writers full damage storm link descriptors lifetime slow_disk read_only stopped locks alloc
KILLS ?= 2000
test-faults: packages-test
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(HELPERS) $(PRELOADS)
	@rm -rf $(OUT)/tap-faults
	PERL_TEST_HARNESS_DUMP_TAP=$(OUT)/tap-faults FAULT_KILLS=$(KILLS) FAULT_SIGNER_KILLS=300 FAULT_SECONDS=60 FAULT_PLACES=400 FAULT_ROUNDS=9 FAULT_ALLOCATIONS=all FAULT_EVENTS=2000 GRAYCLOUD_BUILD=$(OUT) CMOCKA_MESSAGE_OUTPUT=tap prove --timer --merge -Itests/lib \
	    $(FAULTS:%=tests/robust/%.t) $(wildcard tests/dns/all_at_once*.t) || { tests/tools/failures $(OUT)/tap-faults; exit 1; }

# The model of three nodes and their engine, in every order of four faults; `make test` has two.
MODEL_FAULTS ?= 4
model: packages-model
	MODEL_FAULTS=$(MODEL_FAULTS) prove -v --merge tests/health/nodes.t

# The corpus of questions and random records with other nameservers, this nameserver with the clients of others, and metrics with promtool.
test-peers: packages-peers
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(HELPERS)
	GRAYCLOUD_BUILD=$(OUT) prove --merge -Itests/lib tests/dns/clients.t tests/health/metrics.t tests/health/prometheus.t tests/dns/peers tests/dns/signed_peers tests/dns/provider_peers tests/dns/diagnosed tests/dns/rdata_peers tests/dns/validators tests/dns/rollover_validators

# Ten minutes of flips under load, asked through a validating resolver without a cache: every answer is NOERROR and AD.
FLAP_SECONDS ?= 600
FLAP_LOAD ?= 2000
test-flaps: packages-peers packages-bench
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(HELPERS)
	FLAP_SECONDS=$(FLAP_SECONDS) FLAP_LOAD=$(FLAP_LOAD) GRAYCLOUD_BUILD=$(OUT) prove -v --merge -Itests/lib tests/dns/validators

# The API with Cloudflare's official library, which comes from npm.
test-clients: packages-clients
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(HELPERS)
	GRAYCLOUD_BUILD=$(OUT) prove --merge -Itests/lib tests/admin/sdk tests/admin/clients

# The dashboard in a headless Chromium, and with the screen reader Orca; screenshots stay in $(OUT)/screenshots.  `make test` does the same where Chromium is installed.
test-browser: packages-browser
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(HELPERS)
	GRAYCLOUD_BUILD=$(OUT) prove -v --merge -Itests/lib tests/admin/dashboard.t tests/admin/screen_reader

# Line and branch coverage of each folder, by the whole suite.
coverage: packages-coverage
	@find build-cov -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory BUILD=cov check || true
	@tests/tools/coverage build-cov

# A suspended machine: an emulated one that really sleeps.
test-suspend: packages-suspend
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(HELPERS)
	@tests/tools/kernel $(OUT)/kernel
	GRAYCLOUD_BUILD=$(OUT) prove -v --merge -Itests/lib tests/robust/suspended

# 60 replacements of a nameserver in 60 s at half of its top rate: by the command, by reload and by restart of the unit.
test-replace: packages-test
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(HELPERS)
	GRAYCLOUD_BUILD=$(OUT) prove -v --merge -Itests/lib tests/robust/sixty

# PATH=DIR:$$PATH make test-nodes: another version of etcd. WRITERS_SECONDS: of sixty writers during cuts, deaths of leaders and frozen processes.
WRITERS_SECONDS ?= 120
# Several nodes with real members of etcd in network namespaces, with cuts, losses, deaths and frozen processes (root or user namespaces).
test-nodes: packages-test
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(PROGRAMS) $(NEXT) $(HELPERS) $(PRELOADS)
	GRAYCLOUD_BUILD=$(OUT) prove -v --timer --merge -Itests/lib $(wildcard tests/nodes/*.t) tests/nodes/scenarios tests/nodes/million
	WRITERS_SECONDS=$(WRITERS_SECONDS) WRITERS_FAULTS='cut leader freeze' GRAYCLOUD_BUILD=$(OUT) prove -v --timer --merge -Itests/lib tests/nodes/writers.t

bench: packages-bench
	@$(MAKE) --no-print-directory $(PROGRAMS) $(HELPERS)
	@GRAYCLOUD_BUILD=$(OUT) bench/run
	@GRAYCLOUD_BUILD=$(OUT) bench/steering
	@GRAYCLOUD_BUILD=$(OUT) bench/signed
# User instructions a query, with DO and without.
bench-instructions: packages-bench
	@$(MAKE) --no-print-directory $(PROGRAMS)
	@GRAYCLOUD_BUILD=$(OUT) bench/instructions
# Clients that move when an origin is added or removed, beside nginx and HAProxy.
bench-affinity: packages-bench
	@$(MAKE) --no-print-directory $(PROGRAMS)
	@GRAYCLOUD_BUILD=$(OUT) bench/affinity
# The cost of limiting system calls.
bench-seal: packages-bench
	@$(MAKE) --no-print-directory $(PROGRAMS)
	@GRAYCLOUD_BUILD=$(OUT) bench/seal
# The cost of probing 30,000 endpoints.
bench-monitor: packages-bench
	@$(MAKE) --no-print-directory $(PROGRAMS)
	@GRAYCLOUD_BUILD=$(OUT) bench/monitor
bench-latency: packages-bench
	@$(MAKE) --no-print-directory $(PROGRAMS) $(BENCHES)
	@GRAYCLOUD_BUILD=$(OUT) bench/latency
# 200 requests a second to the API, reads and writes.
bench-api: packages-test
	@$(MAKE) --no-print-directory $(PROGRAMS)
	@GRAYCLOUD_BUILD=$(OUT) bench/api
# Three nodes with etcd: a command and a vote until all nodes have them, 30,000 endpoints, sticky pins: processor, traffic.
bench-nodes: packages-test
	@$(MAKE) --no-print-directory $(PROGRAMS) $(HELPERS)
	@GRAYCLOUD_BUILD=$(OUT) bench/nodes
# How long the dashboard is busy with an interaction, with 10,000 origins.
bench-dashboard: packages-browser
	@$(MAKE) --no-print-directory $(PROGRAMS) $(HELPERS)
	@GRAYCLOUD_BUILD=$(OUT) bench/dashboard
# Memory, start time and rate by the number of names and of load balancers: docs/capacity.tsv, and its plot.
bench-scale: packages-bench
	@$(MAKE) --no-print-directory $(PROGRAMS)
	@GRAYCLOUD_BUILD=$(OUT) bench/scale
	@bench/plot

# Run every command in README.md and docs/; `make test` includes this.
docs: packages-test
	@$(MAKE) --no-print-directory $(PROGRAMS) $(HELPERS)
	GRAYCLOUD_BUILD=$(OUT) prove --merge -Itests/lib tests/admin/docs.t

# The terminal picture in the README, made from a real failover.
picture: packages-test
	@$(MAKE) --no-print-directory $(PROGRAMS) $(HELPERS)
	@GRAYCLOUD_BUILD=$(OUT) tests/tools/picture

format:
	@clang-format -i $(shell git ls-files -co --exclude-standard '*.c' '*.h')

# The command line goes to bin, the daemons to sbin; units, users and directories to systemd's places. Nothing here starts or
# enables anything. `make uninstall` removes the files, and neither the configuration nor the state.
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
BINDIR := $(PREFIX)/bin
SBINDIR := $(PREFIX)/sbin
MANDIR := $(PREFIX)/share/man/man8
DOCDIR := $(PREFIX)/share/doc/graycloud
SYSTEMDDIR := $(PREFIX)/lib
BASHDIR := $(PREFIX)/share/bash-completion/completions
ZSHDIR := $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
CONFIGURATIONS := dnsd/dnsd.conf monitor/monitor.conf admin/api/api.conf sync/sync.conf signer/signer.conf
UNITS_OF_SYSTEMD := dnsd/graycloud-dnsd.service monitor/graycloud-monitor.service admin/api/graycloud-api.service sync/graycloud-sync.service signer/graycloud-signer.service
# They keep their places, so that their links lead somewhere.
DOCUMENTS := README.md ARCHITECTURE.md CHANGELOG.md tests/README.md $(wildcard zones/*.zone docs/*.* docs/container/* docs/prometheus/*)
INSTALLED = $(BINDIR)/graycloud $(SBINDIR)/graycloud-dnsd $(SBINDIR)/graycloud-monitor $(SBINDIR)/graycloud-api $(SBINDIR)/graycloud-sync $(SBINDIR)/graycloud-signer \
	$(addprefix $(MANDIR)/,$(notdir $(MAN))) $(addprefix $(SYSTEMDDIR)/systemd/system/,$(notdir $(UNITS_OF_SYSTEMD))) \
	$(SYSTEMDDIR)/sysusers.d/graycloud.conf $(SYSTEMDDIR)/tmpfiles.d/graycloud.conf $(BASHDIR)/graycloud $(ZSHDIR)/_graycloud
MAN := $(wildcard dnsd/*.8 monitor/*.8 admin/*.8 admin/api/*.8 sync/*.8 signer/*.8)

install: all
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(SBINDIR) $(MANDIR) $(BASHDIR) $(ZSHDIR) \
	    $(SYSTEMDDIR)/systemd/system $(SYSTEMDDIR)/sysusers.d $(SYSTEMDDIR)/tmpfiles.d $(SYSCONFDIR)/graycloud)
	install $(OUT)/bin/graycloud $(DESTDIR)$(BINDIR)
	install $(OUT)/bin/graycloud-dnsd $(OUT)/bin/graycloud-monitor $(OUT)/bin/graycloud-api $(OUT)/bin/graycloud-sync $(OUT)/bin/graycloud-signer $(DESTDIR)$(SBINDIR)
	install -m 644 $(MAN) $(DESTDIR)$(MANDIR)
	for file in $(DOCUMENTS); do install -D -m 644 $$file $(DESTDIR)$(DOCDIR)/$$file || exit 1; done
	install -m 644 admin/install/graycloud.bash $(DESTDIR)$(BASHDIR)/graycloud
	install -m 644 admin/install/graycloud.zsh $(DESTDIR)$(ZSHDIR)/_graycloud
	install -m 644 admin/install/graycloud.sysusers $(DESTDIR)$(SYSTEMDDIR)/sysusers.d/graycloud.conf
	install -m 644 admin/install/graycloud.tmpfiles $(DESTDIR)$(SYSTEMDDIR)/tmpfiles.d/graycloud.conf
	for unit in $(UNITS_OF_SYSTEMD); do \
	    sed 's|@SBINDIR@|$(SBINDIR)|; s|@SYSCONFDIR@|$(SYSCONFDIR)|' $$unit.in >$(DESTDIR)$(SYSTEMDDIR)/systemd/system/$${unit##*/} && \
	    chmod 644 $(DESTDIR)$(SYSTEMDDIR)/systemd/system/$${unit##*/} || exit 1; done
	for file in $(CONFIGURATIONS); do [ -e $(DESTDIR)$(SYSCONFDIR)/graycloud/$${file##*/} ] || \
	    install -m 644 $$file $(DESTDIR)$(SYSCONFDIR)/graycloud || exit 1; done

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rm -rf $(DESTDIR)$(DOCDIR)

# Debian packages, beside the folder of the source as dpkg-buildpackage makes them; lintian checks them (there is no Debian bug for an initial upload).
deb: packages-deb
	dpkg-buildpackage -us -uc -b
	lintian --suppress-tags initial-upload-closes-no-bugs --fail-on error,warning ../graycloud_$$(dpkg-parsechangelog -S Version)_*.changes

# Install, use, upgrade and purge the packages: only on a disposable machine (GRAYCLOUD_DISPOSABLE=yes, root).
test-deb: packages-test deb
	prove -v --merge -Itests/lib tests/robust/packaged :: $(abspath ..)/graycloud*_$(VERSION)-*.deb

# The packages under systemd as process 1, in namespaces of their own (root, debootstrap or BASE=FILE.tar): start, restart, upgrade, kill -9.
test-boot: packages-test deb
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(HELPERS)
	GRAYCLOUD_BUILD=$(OUT) prove -v --merge -Itests/lib tests/robust/booted :: $(abspath ..)/graycloud*_$(VERSION)-*.deb

dist:
	git archive --prefix=graycloud-$(VERSION)/ -o graycloud-$(VERSION).tar.gz HEAD

clean:
	rm -rf build build-*

.PHONY: all libraries units test test-nodes model coverage test-peers test-browser test-clients test-suspend test-replace test-flaps test-faults soak check run run-built lint fuzz bench bench-instructions bench-affinity bench-monitor bench-latency bench-api bench-scale bench-seal bench-dashboard docs picture format install uninstall deb test-deb test-boot dist clean
.SECONDARY:
