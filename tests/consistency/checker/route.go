package main

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// route is the place of a mock, or of a request. Names of parameters do not count: two routes are equal if no two mocks
// may have both.
type route struct {
	verb string
	// path has `{}` for each parameter, and `{*}` for a parameter that takes the rest.
	path     string
	priority int
	// exactness has a digit for each segment of the path: 0 for a literal, 1 for a parameter, 2 for the rest.
	exactness string
	// tests of a mock, or values of a request: sorted, each as `name=value`, with `&` between them. A test holds if the
	// request has the value.
	tests string
}

// UnmarshalText reads verb, path, a priority other than 0, and tests or values, such as `GET /a/{x} 5 k=1&x-k=2`.
func (one *route) UnmarshalText(text []byte) error {
	parts := strings.Fields(string(text))
	if len(parts) < 2 || parts[1][0] != '/' {
		return fmt.Errorf("`%s` is not a route", text)
	}
	*one = route{verb: parts[0]}
	for segment := range strings.SplitSeq(parts[1][1:], "/") {
		kind := "0"
		switch {
		case strings.HasPrefix(segment, "{*"):
			segment, kind = "{*}", "2"
		case strings.HasPrefix(segment, "{"):
			segment, kind = "{}", "1"
		}
		one.path += "/" + segment
		one.exactness += kind
	}
	for _, part := range parts[2:] {
		if strings.Contains(part, "=") {
			tests := strings.Split(part, "&")
			slices.Sort(tests)
			one.tests = strings.Join(tests, "&")
		} else if priority, err := strconv.Atoi(part); err == nil {
			one.priority = priority
		} else {
			return err
		}
	}
	return nil
}

func (one route) String() string {
	return fmt.Sprintf("%s %s %d %s", one.verb, one.path, one.priority, one.tests)
}

func (one route) eachTest() iter.Seq[string] {
	if one.tests == "" {
		return func(func(string) bool) {}
	}
	return strings.SplitSeq(one.tests, "&")
}

func (one route) countTests() (count int) {
	for range one.eachTest() {
		count++
	}
	return count
}

// group is the first segment of the path. The second result is false if the route fits requests of several groups.
func (one route) group() (string, bool) {
	group, _, _ := strings.Cut(one.path[1:], "/")
	return group, one.exactness[0] == '0'
}

// fits reports if a mock on this route can answer the request.
func (one route) fits(request route) bool {
	if one.verb != "ANY" && one.verb != request.verb {
		return false
	}
	for test := range one.eachTest() {
		if !strings.Contains("&"+request.tests+"&", "&"+test+"&") {
			return false
		}
	}
	for wanted, given := one.path[1:], request.path[1:]; ; {
		segment, wantedRest, wantsMore := strings.Cut(wanted, "/")
		value, givenRest, hasMore := strings.Cut(given, "/")
		switch {
		case segment == "{*}":
			return true
		case segment == "{}" && value == "", segment != "{}" && segment != value:
			return false
		case !wantsMore || !hasMore:
			return wantsMore == hasMore
		}
		wanted, given = wantedRest, givenRest
	}
}

// order compares two routes that fit the same request: the mock on the lesser one answers. Equal routes: the mock with
// the greater id.
func order(one, other route) int {
	isAny := func(route route) int { return strings.Count(route.verb, "ANY") }
	return cmp.Or(
		cmp.Compare(other.priority, one.priority),
		strings.Compare(one.exactness, other.exactness),
		cmp.Compare(isAny(one), isAny(other)),
		cmp.Compare(other.countTests(), one.countTests()),
	)
}

// compare sorts all routes.
func compare(one, other route) int {
	return cmp.Or(
		strings.Compare(one.path, other.path),
		strings.Compare(one.verb, other.verb),
		cmp.Compare(one.priority, other.priority),
		strings.Compare(one.tests, other.tests),
	)
}
