package event

import (
	"maps"
	"slices"
)

// ColumnNames returns the names of the columns that any of these results has: those in order first,
// then the others, sorted.
func ColumnNames(order []string, results []Event) []string {
	found := map[string]bool{}
	for _, e := range results {
		for name := range e.Columns {
			found[name] = true
		}
	}
	var names []string
	for _, name := range order {
		if found[name] {
			names = append(names, name)
			delete(found, name)
		}
	}
	return append(names, slices.Sorted(maps.Keys(found))...)
}
