package run

import (
	"context"

	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// away is a host that could not be connected to, as connect() tells a recipe.
type away struct {
	Host    string `lua:"host" doc:"its name"`
	Message string `lua:"message" doc:"why it could not be reached"`
	Hint    string `lua:"hint" doc:"what to do about it, or nothing"`
}

// reachPrimitive is connect(): for a recipe that wants to tell of all that is wrong at once, instead of the hosts that
// can't be reached first, and of the rest when these are mended.
func (r *runner) reachPrimitive() script.Primitive {
	return script.Func("connect", script.Reads, "Connects to all hosts, and returns those that can't be reached, each with host, message and hint; when "+
		"none can it is an error. The others can then be looked at, but nothing can be changed anywhere. Without it the first thing that is done connects, and one host that can't "+
		"be reached is an error.", r.reach).
		With("for _, away in ipairs(connect()) do\n  log.warn(away.host .. \": \" .. away.message)\nend")
}

func (r *runner) reach(_ context.Context, _ script.None, _ noArgs) ([]away, error) {
	r.mu.Lock()
	missing, unready := r.missing, r.unready
	r.mu.Unlock()
	var faults []Fault
	alike := map[string]int{}
	for _, err := range missing {
		if err != nil {
			f := Faults(err)[0]
			faults = append(faults, f)
			alike[f.General()+f.Hint]++
		}
	}
	out := []away{}
	for _, f := range faults {
		if alike[f.General()+f.Hint] > 1 { // so that the recipe can tell of these hosts in one line
			f.Message = f.General()
		}
		out = append(out, away{Host: f.Host, Message: f.Message, Hint: f.Hint})
	}
	if len(out) == len(r.hosts) && len(out) > 0 {
		return nil, unready
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.partly = true
	return out, nil
}

// reachOut connects to all hosts and keeps why some could not be.
func (r *runner) reachOut(ctx context.Context) {
	missing := r.connect(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing, r.unready, r.reachedOut = missing, joined(missing...), true
}

// may says why a call can't be: when hosts could not be connected to, those that could may be looked at, if the
// recipe asked for that.
func (r *runner) may(call script.Call) error {
	r.mu.Lock()
	missing, unready, partly := r.missing, r.unready, r.partly
	r.mu.Unlock()
	if unready == nil || call.Name == "connect" || call.Name == "step" { // a step does nothing by itself
		return nil
	}
	if !partly || call.Effect == script.Changes {
		return unready
	}
	if h, ok := call.Receiver.(*ssh.Host); ok {
		for i, err := range missing {
			if err != nil && r.hosts[i] == h {
				return err
			}
		}
	}
	return nil
}
