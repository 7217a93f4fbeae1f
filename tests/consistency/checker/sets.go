package main

import (
	"slices"
	"strings"
)

// item is a mock in the list of a set. Its value becomes the name of a new mock.
type item struct {
	Route route
	Value string
}

// lists reports if a put has an item at a route.
func (operation *Operation) lists(route route) bool {
	return slices.ContainsFunc(operation.List, func(item item) bool { return item.Route == route })
}

// clashes reports if a mock outside of the set has the route of an item.
func (operation *Operation) clashes(mocks []mock) bool {
	return slices.ContainsFunc(mocks, func(one mock) bool { return one.set != operation.Set && operation.lists(one.route) })
}

// afterPut returns the mocks after the list has become the set, at one moment.
func (operation *Operation) afterPut(mocks []mock) []mock {
	isGone := func(one mock) bool { return one.set == operation.Set && !operation.lists(one.route) }
	mocks = slices.DeleteFunc(slices.Clone(mocks), isGone)
	for _, item := range operation.List {
		new := mock{route: item.Route, name: item.Value, value: item.Value, set: operation.Set}
		at, isThere := slices.BinarySearchFunc(mocks, new, func(one, other mock) int { return compare(one.route, other.route) })
		if isThere {
			mocks[at].value, mocks[at].turns, mocks[at].taken = item.Value, turns{}, 0
		} else {
			mocks = slices.Insert(mocks, at, new)
		}
	}
	return mocks
}

// shown returns the sorted values of the mocks of a set.
func shown(mocks []mock, set string) string {
	var values []string
	for _, one := range mocks {
		if one.set == set {
			values = append(values, one.value)
		}
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

// isOfSets reports if an operation writes or shows a whole set. Such an operation may depend on any other one.
func (operation *Operation) isOfSets() bool {
	return operation.Kind == "put" || operation.Kind == "show"
}
