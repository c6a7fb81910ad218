package git

import _ "embed"

// The scripts that run on hosts, for any /bin/sh. Each documents its arguments. Exit statuses from
// 90 on are their own; see failure.
var (
	//go:embed prelude.sh
	prelude string
	//go:embed credential.sh
	credentialSetup string
	//go:embed ssh.sh
	sshScript string
	//go:embed needs.sh
	needsScript string
	//go:embed extras.sh
	extrasScript string
	//go:embed lfs.sh
	lfsScript string
	//go:embed list.sh
	listScript string
	//go:embed mirror.sh
	mirrorScript string
	//go:embed clone.sh
	cloneScript string
	//go:embed revision.sh
	revisionScript string
	//go:embed verify.sh
	verifyScript string
	//go:embed hold.sh
	holdScript string
	//go:embed tips.sh
	tipsScript string
	//go:embed pack.sh
	packScript string
	//go:embed receive.sh
	receiveScript string
	//go:embed store.sh
	storeScript string
	//go:embed compare.sh
	compareScript string
)
