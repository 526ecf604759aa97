module example.com/importer

go 1.26.0

require (
	github.com/opencontainers/runtime-spec v1.3.0
	github.com/roost-run/roost v0.0.0
)

require golang.org/x/sys v0.49.0 // indirect

replace github.com/roost-run/roost => ../..
