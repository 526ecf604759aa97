# `make demo` and `make test` do all their set-up themselves (contrib/setup.sh).
# Everything else needs Go only.

SHELL := /bin/sh
.DEFAULT_GOAL := build

# A toolchain that contrib/setup.sh fetched, because the distribution's is too old, wins.
export PATH := $(CURDIR)/out/go/bin:$(CURDIR)/out/bin:$(PATH)

GO            ?= go
PREFIX        ?= /usr/local
# Not every shell expands the ~ of `make install PREFIX=~/.local`.
override PREFIX := $(patsubst ~/%,$(HOME)/%,$(PREFIX))
DESTDIR       ?=
BINDIR        ?= $(PREFIX)/bin
LIBEXECDIR    ?= $(PREFIX)/libexec/roost
DATADIR       ?= $(PREFIX)/share
INSTALL       ?= install

# EXTRA_VERSION is for distributors: VERSION 0.1.0 and EXTRA_VERSION=+deb1 give 0.1.0+deb1.
EXTRA_VERSION ?=
VERSION       := $(shell cat VERSION)$(EXTRA_VERSION)
COMMIT        ?= $(shell git describe --always --abbrev=40 --dirty --exclude='*' 2>/dev/null || echo unknown)

# `BUILDTAGS="foo -netgo"` adds foo and leaves the default netgo out.
# The defaults keep libc's resolver out of a binary that somebody builds with CGO_ENABLED=1.
DEFAULT_BUILDTAGS := netgo osusergo
BUILDTAGS     ?=
left_out      := $(patsubst -%,%,$(filter -%,$(BUILDTAGS)))
tags          := $(filter-out $(left_out),$(DEFAULT_BUILDTAGS) $(filter-out -%,$(BUILDTAGS)))
empty         :=
comma         := ,
space         := $(empty) $(empty)
taglist       := $(subst $(space),$(comma),$(strip $(tags)))

# Same source, same toolchain: same bytes, wherever the tree lies and whoever builds.
LDFLAGS       := -s -w -buildid= -X main.version=$(VERSION) -X main.commit=$(COMMIT)
GOBUILD        = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -tags '$(taglist)' -ldflags '$(LDFLAGS)'

# `make test TESTPATH=./idmap TESTFLAGS='-run TestParse -v'` runs one test and nothing else.
TESTPATH      ?=
TESTFLAGS     ?=

OUTPUT        ?= bin/roost

.PHONY: build
build: build-seccomp
	$(GOBUILD) -o bin/roost ./cmd/roost

# The compiler of seccomp profiles, where there is what it needs. roost looks for it beside itself, and in ../libexec/roost.
.PHONY: build-seccomp
build-seccomp:
	@GO='$(GO)' contrib/build-seccomp.sh bin/roost-seccomp '$(VERSION)' '$(taglist)'

# For contrib/release.sh, which sets GOARCH: bin/roost stays the one that runs here.
.PHONY: build-to
build-to:
	$(GOBUILD) -o '$(OUTPUT)' ./cmd/roost

.PHONY: install
install: build man
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DATADIR)/man/man1' \
		'$(DESTDIR)$(DATADIR)/bash-completion/completions' \
		'$(DESTDIR)$(DATADIR)/zsh/site-functions' \
		'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d'
	$(INSTALL) -m 0755 bin/roost '$(DESTDIR)$(BINDIR)/roost'
	if [ -e bin/roost-seccomp ]; then $(INSTALL) -d '$(DESTDIR)$(LIBEXECDIR)' && \
		$(INSTALL) -m 0755 bin/roost-seccomp '$(DESTDIR)$(LIBEXECDIR)/roost-seccomp'; fi
	$(INSTALL) -m 0644 out/man/*.1 '$(DESTDIR)$(DATADIR)/man/man1/'
	bin/roost completion bash >'$(DESTDIR)$(DATADIR)/bash-completion/completions/roost'
	bin/roost completion zsh >'$(DESTDIR)$(DATADIR)/zsh/site-functions/_roost'
	bin/roost completion fish >'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/roost.fish'
	for file in contrib/engines/* contrib/apparmor/* contrib/seccomp/* contrib/systemd/*; do \
		to='$(DESTDIR)$(DATADIR)/roost'"/$${file#contrib/}" && $(INSTALL) -d "$${to%/*}" && \
		sed -e 's|@BINDIR@|$(BINDIR)|g' "$$file" >"$$to" || exit; \
	done

.PHONY: uninstall
uninstall:
	rm -f '$(DESTDIR)$(BINDIR)/roost' '$(DESTDIR)$(LIBEXECDIR)/roost-seccomp' '$(DESTDIR)$(DATADIR)/man/man1'/roost.1 '$(DESTDIR)$(DATADIR)/man/man1'/roost-*.1 \
		'$(DESTDIR)$(DATADIR)/bash-completion/completions/roost' \
		'$(DESTDIR)$(DATADIR)/zsh/site-functions/_roost' \
		'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/roost.fish'
	rm -rf '$(DESTDIR)$(DATADIR)/roost'

.PHONY: man
man: build
	rm -rf out/man
	mkdir -p out/man
	bin/roost man out/man

.PHONY: test
test:
ifneq ($(TESTPATH),)
	tests/run.sh one '$(TESTPATH)' $(TESTFLAGS)
else
	contrib/setup.sh test
	TESTFLAGS='$(TESTFLAGS)' tests/run.sh
endif

# Everything that real engines and the OCI validation suite have to say; `make test` has the short part of it.
.PHONY: test-clients
test-clients:
	contrib/setup.sh test
	TESTFLAGS='$(TESTFLAGS)' tests/run.sh clients-long clients-root-long validation

# In machines with a systemd of their own (tests/vm): all black-box tests under user-mode Linux, then on Debian 12, then few under a stock kernel.
.PHONY: test-vm
test-vm:
	contrib/setup.sh vm
	TESTFLAGS='$(TESTFLAGS)' tests/run.sh vm-user-long vm-12 vm-qemu + vm-root-long vm-12-root vm-qemu-root

# Every fuzz target for as long as this; `make test` gives each its time, a minute at most.
FUZZTIME      ?= 10m

.PHONY: fuzz
fuzz:
	mkdir -p out/test
	FUZZTIME='$(FUZZTIME)' tests/run.sh fuzz

.PHONY: lint
lint:
	contrib/setup.sh lint
	contrib/lint.sh

# Every architecture, linked (the linker proves that the forked child's stack is large enough) and vetted, tests included;
# then the newest Go. Vet has the flags of the build, so that it finds the standard library compiled.
CROSS         := amd64 arm64 riscv64 ppc64le s390x 386 arm mips64le

.PHONY: cross $(CROSS:%=cross-%)
cross: $(CROSS:%=cross-%)
	GO='$(GO)' contrib/next-go.sh

$(CROSS:%=cross-%): cross-%:
	GOOS=linux GOARCH=$* $(GOBUILD) -o out/cross/roost-$* ./cmd/roost
	GOOS=linux GOARCH=$* CGO_ENABLED=0 $(GO) vet -trimpath -buildvcs=false -tags '$(taglist)' ./...

.PHONY: bench
bench: build
	tests/bench/run.sh $(BENCHFLAGS)

.PHONY: demo
demo:
	contrib/setup.sh demo
	contrib/demo.sh

# RELEASE_KEY names a gpg key: the checksums get a detached signature.
.PHONY: release
release:
	RELEASE_KEY='$(RELEASE_KEY)' contrib/release.sh '$(VERSION)'

.PHONY: verify-dependencies
verify-dependencies:
	test ! -e vendor
	$(GO) mod verify
	$(GO) mod tidy -diff

.PHONY: clean
clean:
	rm -rf bin dist out/man out/cross out/next out/test
