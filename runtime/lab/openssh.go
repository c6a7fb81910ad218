package lab

// The users of an OpenSSH lab.
const (
	DeployUser = "runbook-deploy" // logs in to the hosts; its login shell is bash, and it has no password
	GitUser    = "runbook-git"    // serves the repository
)

// OpenSSHOptions say what an OpenSSH lab is made of.
type OpenSSHOptions struct {
	Dir    string   // the lab's folder; empty means a temporary one, which Close removes
	Hosts  []string // the names of the hosts
	Config string   // lines for the sshd_config of every host, which win over the lab's own
}
