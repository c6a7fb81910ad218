package labtest

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// network is a bridge with its own subnet 10.98.N.0/24.
type network struct {
	tools  *tools
	number int
	bridge string
}

// claimNetwork takes the first free subnet. The name of a bridge is unique, so labs of several
// processes never share one.
func claimNetwork(tools *tools) (*network, error) {
	taken, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("find a free subnet: %w", err)
	}
	for i := range 250 {
		number := (os.Getpid()+i)%250 + 1
		if uses(taken, number) {
			continue
		}
		n := &network{tools: tools, number: number, bridge: fmt.Sprintf("rbl%d", number)}
		if err := n.ip("link", "add", n.bridge, "type", "bridge"); err != nil {
			if _, exists := net.InterfaceByName(n.bridge); exists == nil {
				continue
			}
			return nil, err
		}
		for _, step := range [][]string{
			{"address", "add", n.address(1) + "/24", "dev", n.bridge}, {"link", "set", n.bridge, "up"},
		} {
			if err := n.ip(step...); err != nil {
				return nil, errors.Join(err, n.release())
			}
		}
		return n, nil
	}
	return nil, errors.New("find a free subnet: all of 10.98.1.0/24 to 10.98.250.0/24 are in use (see: ip address)")
}

func uses(taken []net.Addr, number int) bool {
	for _, one := range taken {
		if network, ok := one.(*net.IPNet); ok && network.Contains(net.IPv4(10, 98, byte(number), 1)) {
			return true
		}
	}
	return false
}

func (n *network) address(last int) string { return fmt.Sprintf("10.98.%d.%d", n.number, last) }

func (n *network) linkName(i int) string { return fmt.Sprintf("rbl%dv%d", n.number, i) }

func (n *network) ip(args ...string) error {
	_, err := execute(n.tools.ip, args...)
	return err
}

// plug connects the network namespace of a process to the bridge, as its interface eth0.
func (n *network) plug(link string, id int) error {
	err := n.ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", fmt.Sprint(id))
	if err != nil {
		return err
	}
	return n.ip("link", "set", link, "master", n.bridge, "up")
}

// unplug removes the link, unless it was removed with its host.
func (n *network) unplug(link string) error {
	err := n.ip("link", "delete", link)
	if _, exists := net.InterfaceByName(link); exists != nil {
		return nil
	}
	return err
}

func (n *network) release() error { return n.ip("link", "delete", n.bridge) }
