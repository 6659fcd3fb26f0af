module realcluster/pause

go 1.24.0
