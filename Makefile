# SPDX-License-Identifier: Apache-2.0
# One GNU Makefile, not recursive.  `make help` lists the targets.
#
# A layer is a folder of src; LAYERS says which layers each one may include, and that is
# enforced: every layer is compiled with an include root that holds only what it may see.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
SAN     ?=
V       ?=
VERSION := $(shell cat VERSION)

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC := gcc
endif
# `make V=1` shows the commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-4s %s\n' $(1) $(2))

# ---- layers --------------------------------------------------------------------------
SEES_base    := base
SEES_core    := base core
SEES_wire    := base core wire
SEES_embed   := base core wire embed
SEES_adapt   := base core wire adapt
SEES_sim     := base core adapt sim
SEES_control := base core wire adapt control
SEES_cli     := base core wire adapt control sim cli
LIB_LAYERS   := base core wire embed
APP_LAYERS   := adapt sim control cli
LAYERS       := $(LIB_LAYERS) $(APP_LAYERS)

# ---- flags ---------------------------------------------------------------------------
WARN   := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wstrict-prototypes \
          -Wmissing-prototypes -Werror
OPT    ?= -O2
CFLAGS += -std=c17 $(OPT) -g -fno-omit-frame-pointer -ffp-contract=off \
          -fvisibility=hidden -fPIC $(WARN) -D_GNU_SOURCE -DSPROUT_VERSION='"$(VERSION)"' \
          -DSPROUT_PREFIX='"$(PREFIX)"'
ifneq ($(SAN),)
CFLAGS  += -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif

PKG_LIBS    := libcurl libmicrohttpd sqlite3 jansson libcyaml yaml-0.1 libcrypto
PKG_CFLAGS  := $(shell pkg-config --cflags $(PKG_LIBS) 2>/dev/null)
APP_LDLIBS  := $(shell pkg-config --libs $(PKG_LIBS) 2>/dev/null) -lm -lpthread -ldl
TEST_LDLIBS := $(shell pkg-config --libs cmocka jansson 2>/dev/null) -lglpk -lm

# ---- objects -------------------------------------------------------------------------
src_of   = $(wildcard src/$(1)/*.c)
obj_of   = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(call src_of,$(1)))
LIB_OBJ := $(foreach l,$(LIB_LAYERS),$(call obj_of,$(l)))
APP_OBJ := $(foreach l,$(APP_LAYERS),$(call obj_of,$(l)))

UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*.c))
PROP_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/property/*.c))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
BENCH_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))

all: $(BUILD)/sprout $(BUILD)/libsprout.a $(BUILD)/libsprout.so module ## build everything
.PHONY: all

# An include root per layer: symbolic links to the layers it may see, and no others.
define layer_rules
$(BUILD)/see/$(1)/.made: Makefile
	@mkdir -p $$(@D) && cd $$(@D) && rm -f * && \
	    for l in $$(SEES_$(1)); do ln -s $(CURDIR)/src/$$$$l $$$$l; done && touch .made
$(BUILD)/obj/$(1)/%.o: src/$(1)/%.c $(BUILD)/see/$(1)/.made $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(CPPFLAGS_$(1)) -I$(BUILD)/see/$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))
$(foreach l,$(APP_LAYERS),$(eval CPPFLAGS_$(l) := $(PKG_CFLAGS)))
CPPFLAGS_embed := -Iinclude

# Objects depend on the flags they were compiled with.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(CFLAGS) $(PKG_CFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(CFLAGS) $(PKG_CFLAGS)' > $@
.PHONY: FORCE
FORCE:

$(BUILD)/libsprout.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $^

# The embeddable library: include/sprout.h is all that it exports.
SONAME := libsprout.so.1
$(BUILD)/libsprout.so: $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(LDFLAGS) -Wl,-soname,$(SONAME) -o $@ $^ -lm
	$(Q)ln -sf libsprout.so $(BUILD)/$(SONAME)

$(BUILD)/splice: examples/splice.c include/sprout.h $(BUILD)/libsprout.so
	$(call say,CC,$@)
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -Iinclude -o $@ $< -L$(BUILD) -lsprout \
	    -Wl,-rpath,'$$ORIGIN'
example: $(BUILD)/splice ## examples/splice.c, linked with libsprout.so
.PHONY: example

$(BUILD)/sprout: $(APP_OBJ) $(BUILD)/libsprout.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(APP_OBJ) $(BUILD)/libsprout.a $(APP_LDLIBS)

# ---- the nginx module ----------------------------------------------------------------
# Configured once in a copy of the headers that nginx-dev installs; after that only our own
# files compile.  src/nginx/config names the sources.
NGINX_SRC ?= /usr/share/nginx/src
MODULE    := $(BUILD)/ngx_http_sprout_module.so
MODULE_IN := $(wildcard src/nginx/*.c src/nginx/*.h) src/nginx/config

module: $(MODULE) ## build the nginx module
.PHONY: module

$(BUILD)/see/nginx/.made: Makefile
	@mkdir -p $(@D) && cd $(@D) && rm -f * && \
	    for l in base core wire nginx; do ln -s $(CURDIR)/src/$$l $$l; done && touch .made

MODULE_ENV = SPROUT_SEE=$(CURDIR)/$(BUILD)/see/nginx SPROUT_LIB=$(CURDIR)/$(BUILD)/libsprout.a \
             SPROUT_SAN=$(SAN)

# configure reads the list of sources: a file more or less means configuring anew.
$(BUILD)/module-sources: FORCE
	@mkdir -p $(@D); echo '$(MODULE_IN)' | cmp -s - $@ || echo '$(MODULE_IN)' > $@

$(BUILD)/nginx/.configured: src/nginx/config $(BUILD)/see/nginx/.made $(BUILD)/flags \
                            $(BUILD)/module-sources
	@test -f $(NGINX_SRC)/conf_flags || \
	    { echo "nginx-dev is missing: run scripts/deps"; exit 1; }
	@rm -rf $(BUILD)/nginx && cp -r $(NGINX_SRC) $(BUILD)/nginx
	@cd $(BUILD)/nginx && $(MODULE_ENV) bash -c 'source ./conf_flags && ./configure \
	    "$${NGX_CONF_FLAGS[@]}" --add-dynamic-module=$(CURDIR)/src/nginx' \
	    > configure.log 2>&1 || { tail -20 configure.log; exit 1; }
	@touch $@

# nginx's own makefile knows only the headers beside the module, not those of the layers it
# includes; an object that kept an old layout of theirs reads nonsense.
$(BUILD)/nginx/.headers: $(wildcard src/base/*.h src/core/*.h src/wire/*.h) \
                         $(BUILD)/nginx/.configured
	@rm -f $(BUILD)/nginx/objs/addon/nginx/*.o && touch $@

$(MODULE): $(MODULE_IN) $(BUILD)/nginx/.headers $(BUILD)/libsprout.a
	@rm -f $(BUILD)/nginx/objs/ngx_http_sprout_module.so
	$(call say,CC,$@)
	+@cd $(BUILD)/nginx && $(MODULE_ENV) $(MAKE) --no-print-directory -f objs/Makefile modules \
	    > make.log 2>&1 || { cat make.log; exit 1; }
	@# Renamed into place: an nginx that runs keeps the file it has mapped.
	@cp $(BUILD)/nginx/objs/ngx_http_sprout_module.so $@.new && mv $@.new $@

# ---- tests ---------------------------------------------------------------------------
TEST_CPPFLAGS = -Isrc -Itests $(PKG_CFLAGS)
# Tests link everything but main().
TEST_OBJ = $(filter-out $(BUILD)/obj/cli/main.o,$(APP_OBJ))

$(BUILD)/tests/%: tests/%.c $(TEST_OBJ) $(BUILD)/libsprout.a
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) $(TEST_CPPFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(TEST_OBJ) \
	    $(BUILD)/libsprout.a $(APP_LDLIBS) $(TEST_LDLIBS)

# Fuzz targets are built whole by clang, with its sanitizers, apart from all else.
FUZZ_CC    ?= $(firstword $(foreach c,clang-14 clang,$(if $(shell command -v $(c)),$(c))))
FUZZ_FLAGS := -DSPROUT_VERSION='"$(VERSION)"' -Iinclude -std=c17 -O1 -g -fno-omit-frame-pointer $(WARN) -D_GNU_SOURCE \
              -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
LIB_SRC    := $(foreach l,$(LIB_LAYERS),$(call src_of,$(l)))

$(BUILD)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(LIB_SRC) $(wildcard src/*/*.h)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -Isrc -o $@ $< $(LIB_SRC) $(FUZZ_MORE) -lm

# Replies of grid providers are read above the pure layers.
$(BUILD)/fuzz/grid: FUZZ_MORE = $(wildcard src/adapt/grid*.c) $(addprefix src/adapt/,csv.c \
    http.c file.c log.c rng.c clock.c sha256.c) $(APP_LDLIBS)

unit: $(UNIT_BIN) ## run the unit tests
	@scripts/run-tests $(UNIT_BIN)
property: $(PROP_BIN) ## run the property tests
	@scripts/run-tests $(PROP_BIN)
fuzz: $(FUZZ_BIN) ## run the fuzz targets, SPROUT_FUZZ_SECONDS (30) each; needs clang
	@scripts/fuzz $(BUILD)
flow: all venv ## run the flows with real nginx and real clients (pytest)
	$(BUILD)/venv/bin/python -m pytest -q tests/flow
fault: all venv ## run the short fault tests (a dozen kills each)
	$(BUILD)/venv/bin/python -m pytest -q tests/fault
check: ## what matters, in minutes (same as ./check)
	./check
check-all: ## check, then the long runs: a hundred kills, fuzzers, more instances
	./check --all
results: $(BUILD)/sprout ## what each part of the method brings: docs/results.md, learning.md
	scripts/results
	scripts/learn-from-nothing
bench: all $(BENCH_BIN) ## side-by-side benchmarks; prints ratios, medians, spread
	scripts/bench
bench-stream: all venv ## streams, latency by API and large bodies against plain nginx
	$(BUILD)/venv/bin/python scripts/bench-stream all
.PHONY: unit property fuzz flow fault check check-all results bench bench-stream

venv: $(BUILD)/venv/.made ## the Python environment of tests and demo, pinned
.PHONY: venv
$(BUILD)/venv/.made: scripts/requirements.txt scripts/make-venv
	scripts/make-venv $(BUILD)/venv

# ---- habits --------------------------------------------------------------------------
C_FILES := $(wildcard src/*/*.c src/*/*.h include/*.h examples/*.c tests/*/*.c tests/*/*.h)
FMT_FILES := $(filter-out src/nginx/%,$(C_FILES))

fmt: ## format the C files (src/nginx keeps nginx's layout by hand)
	clang-format -i $(FMT_FILES)
lint: $(BUILD)/libsprout.a ## layers, purity, banned calls, lengths, headers alone, format
	scripts/lint $(BUILD)
tidy: ## clang-tidy over src
	scripts/tidy
compile_commands.json: FORCE ## what editors and clang tools read
	@scripts/compile-commands > $@
.PHONY: fmt lint tidy

install: all ## install under $(DESTDIR)$(PREFIX)
	install -D -m 755 $(BUILD)/sprout $(DESTDIR)$(PREFIX)/bin/sprout
	install -D -m 644 $(BUILD)/libsprout.a $(DESTDIR)$(PREFIX)/lib/libsprout.a
	install -D -m 755 $(BUILD)/libsprout.so $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libsprout.so
	install -D -m 644 include/sprout.h $(DESTDIR)$(PREFIX)/include/sprout.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' packaging/sprout.pc.in \
	    | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/pkgconfig/sprout.pc
	install -D -m 755 $(MODULE) $(DESTDIR)$(PREFIX)/lib/sprout/ngx_http_sprout_module.so
	install -D -m 644 data/predictor/default.weights \
	    $(DESTDIR)$(PREFIX)/share/sprout/default.weights
	for f in grafana-dashboard.json prometheus-alerts.yml; do install -D -m 644 packaging/$$f \
	    $(DESTDIR)$(PREFIX)/share/sprout/$$f; done
	install -D -m 644 packaging/profiles/example.json \
	    $(DESTDIR)$(PREFIX)/share/sprout/profiles/example.json
	for m in man/*.1; do install -D -m 644 $$m \
	    $(DESTDIR)$(PREFIX)/share/man/man1/$${m##*/}; done
clean: ## remove everything that was built
	rm -rf $(BUILD) compile_commands.json
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile
.PHONY: install clean help

-include $(LIB_OBJ:.o=.d) $(APP_OBJ:.o=.d) $(addsuffix .d,$(UNIT_BIN) $(PROP_BIN) $(BENCH_BIN))
