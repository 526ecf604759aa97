#!/bin/sh
# Makes dist/: a static tarball for each architecture, SHA256SUMS, and its detached signature if RELEASE_KEY is set.
# The same commit gives the same bytes: names sorted, owners and times fixed, gzip without a name or a time.
#
#   contrib/release.sh VERSION
set -eu
cd "$(dirname "$0")/.."
version=${1:?usage: contrib/release.sh VERSION}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || true)}
epoch=${epoch:-315532800} # no commit yet: 1980, the earliest that every archive format can say
export TZ=UTC LC_ALL=C

rm -rf dist
mkdir -p dist
make --no-print-directory man

for arch in amd64 arm64; do
	name=roost-$version-linux-$arch
	tree=dist/$name
	mkdir -p "$tree/man" "$tree/completions"
	GOOS=linux GOARCH=$arch make --no-print-directory build-to OUTPUT="$tree/roost"
	cp LICENSE README.md CHANGELOG.md SECURITY.md "$tree/"
	cp -r docs "$tree/docs"
	cp out/man/*.1 "$tree/man/"
	for shell in bash zsh fish; do
		bin/roost completion "$shell" >"$tree/completions/roost.$shell"
	done
	# Whoever unpacks it should not inherit the builder's umask.
	find "$tree" -type d -exec chmod 0755 {} + -o -type f -exec chmod 0644 {} +
	chmod 0755 "$tree/roost"
	tar --create --file=- --directory=dist --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
		--format=ustar "$name" | gzip -9 -n >"dist/$name.tar.gz"
	rm -rf "$tree"
done

(cd dist && sha256sum -- *.tar.gz >SHA256SUMS && cat SHA256SUMS)
if [ -n "${RELEASE_KEY:-}" ]; then
	gpg --batch --yes --local-user "$RELEASE_KEY" --armor --detach-sign --output dist/SHA256SUMS.asc dist/SHA256SUMS
	printf 'signed: dist/SHA256SUMS.asc\n'
else
	printf 'not signed: RELEASE_KEY names no key\n'
fi
