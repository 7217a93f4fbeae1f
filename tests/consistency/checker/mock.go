package main

import "slices"

// mock is the content of a route. The id is empty if no answer has shown it.
type mock struct {
	route           route
	name, value, id string
	turns           turns
	taken           int
	// The name of the mock's set; empty for none.
	set string
}

// isBefore reports if one mock certainly answers, and not the other one, where both fit.
func (one mock) isBefore(other mock) bool {
	byRoute := order(one.route, other.route)
	isNewer := one.id != "" && other.id != "" && one.id > other.id
	return byRoute < 0 || byRoute == 0 && isNewer
}

// mayAnswer reports if a mock with this property may answer a request; a property of no mock stands for no answer.
func mayAnswer(mocks []mock, request route, is func(mock) bool) bool {
	isMiss := true
	mocks = answering(mocks)
	for _, one := range mocks {
		if !one.route.fits(request) {
			continue
		}
		isMiss = false
		hidesIt := func(other mock) bool { return other.isBefore(one) && other.route.fits(request) }
		if is(one) && !slices.ContainsFunc(mocks, hidesIt) {
			return true
		}
	}
	return isMiss && is(mock{})
}

// held returns the mock on a route, and the mock with a name; each is empty if none exists.
func held(mocks []mock, route route, name string) (there, named mock) {
	for _, mock := range mocks {
		if mock.route == route {
			there = mock
		}
		if mock.name == name {
			named = mock
		}
	}
	return there, named
}
