package recipe_test

import (
	"sync"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

var newAPI = sync.OnceValues(func() (recipe.API, error) { return run.NewAPI(run.Extension{}, nil) })

// luaAPI returns what recipes can use in a run.
func luaAPI(t testing.TB) recipe.API {
	t.Helper()
	api, err := newAPI()
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func check(t testing.TB, paths ...string) []recipe.Problem {
	t.Helper()
	problems, err := recipe.Check(t.Context(), luaAPI(t), event.NewStream(), paths)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}
