package script_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/check"
	"runbook/runtime/script/docs"
	"runbook/runtime/script/docs/stub"
)

// Account is the object that this program's scripts use.
type Account struct {
	Owner   string
	balance int
}

// transferArgs are the arguments of account:transfer.
type transferArgs struct {
	To     *Account `lua:"to,arg" doc:"the account that gets the money"`
	Amount int      `lua:"amount" doc:"how much, in cents" default:"100"`
	Reason string   `lua:"reason" doc:"why" choices:"rent gift"`
}

// transfer is plain Go without any Lua in it.
func transfer(_ context.Context, from *Account, a transferArgs) (int, error) {
	if a.Amount > from.balance {
		return 0, fmt.Errorf("%s has only %d", from.Owner, from.balance)
	}
	from.balance -= a.Amount
	a.To.balance += a.Amount
	return from.balance, nil
}

// bank declares everything that scripts can use.
func bank(more ...script.Primitive) (*script.Library, error) {
	account := script.Object{Name: "account", Type: reflect.TypeFor[*Account](), Doc: "an account"}
	return script.NewLibrary([]script.Object{account},
		script.Module{Doc: "the bank", Fields: []script.Field{{Name: "accounts", Type: "account[]",
			Doc: "all accounts"}}},
		script.Module{On: "account", Doc: "an account's own",
			Fields: []script.Field{{Name: "owner", Type: "string", Doc: "whose it is",
				Get: func(a any) any { return a.(*Account).Owner }}},
			Primitives: append(more, script.Func("transfer", script.Changes,
				"Move money. Too little money is an error.", transfer).
				With(`accounts[1]:transfer(accounts[2], { amount = 500 })`))})
}

// A Go program exposes its own objects to scripts. Nothing is global: libraries and states are
// values, and a program can have any number of them.
func Example() {
	lib, err := bank()
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "bank")
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			log.Fatal(err)
		}
	}()
	path := filepath.Join(dir, "pay.lua")
	text := "local from, to = accounts[1], accounts[2]\n" +
		"print(from.owner .. \" has left: \" .. from:transfer(to, { amount = 500, reason = \"rent\" }))\n" +
		"from:transfer(to, { amount = 9000 })\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}
	state, err := lib.NewState(event.NewStream(),
		script.StateOptions{Print: func(_ context.Context, text string) { fmt.Println(text) }})
	if err != nil {
		log.Fatal(err)
	}
	defer state.Close()
	if err := state.SetGlobal("accounts", []*Account{{"Ada", 2000}, {"Bob", 0}}); err != nil {
		log.Fatal(err)
	}
	var failed *script.Error
	if errors.As(state.Run(context.Background(), path), &failed) {
		fmt.Println(filepath.Base(failed.Line), failed.Text, failed.Err)
	}
	// Output:
	// Ada has left: 1500
	// pay.lua:3 account:transfer(account, { amount = 9000 }) Ada has only 1500
}

// One declaration of a primitive is enough for check, docs, the reference and the editor's stub.
func TestAPrimitiveChangesCheckDocsAndStub(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pay.lua")
	if err := os.WriteFile(path, []byte("accounts[1]:close({ at_onec = true })\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type closeArgs struct {
		AtOnce bool `lua:"at_once" doc:"without notice"`
	}
	closing := script.Func("close", script.Changes, "Close the account.",
		func(context.Context, *Account, closeArgs) (script.None, error) { return script.None{}, nil }).
		With("accounts[1]:close()")
	for name, more := range map[string][]script.Primitive{"without": nil, "with": {closing}} {
		lib, err := bank(more...)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := check.Check(context.Background(), lib, path, check.Options{})
		if err != nil || len(problems) != 1 {
			t.Fatalf("%v, %v", problems, err)
		}
		want := `accounts[…] has no "close"`
		if more != nil {
			want = `account:close: unknown option "at_onec" (did you mean "at_once"?)`
		}
		if !strings.Contains(problems[0].Error(), want) {
			t.Errorf("%s: check says %v, want %s", name, problems[0], want)
		}
		_, unknown := docs.Text(lib, "account:close")
		if (unknown == nil) != (more != nil) {
			t.Errorf("%s: docs: %v", name, unknown)
		}
		for what, text := range map[string]string{"function account:close(options) end": stub.Text(lib),
			"### `account:close([{ at_once }])`": docs.Markdown(lib)} {
			if strings.Contains(text, what) != (more != nil) {
				t.Errorf("%s: %q in\n%s", name, what, text)
			}
		}
	}
}
