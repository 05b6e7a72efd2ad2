module devspaces.dev/api

go 1.24.0
