// Checks histories of Echo for linearizability, route by route, with porcupine.
//
// A history is a line of JSON on standard input (see History); for each there is a line of output: `ok`, or what is wrong. The
// exit code is 0 if all of them are linearizable.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Much longer than any history that was seen takes. One that is not decided by then counts as wrong: what is wrong takes longest, because
// everything has to be tried.
const patience = 2 * time.Minute

// History is what clients did, and what they were told.
type History struct {
	Name       string
	Operations []*Operation
}

// Operation is one request. Times are of one clock; what order they give is all that counts.
type Operation struct {
	Client int
	// Route is verb and path: the histories of two routes have nothing to do with each other.
	Route string
	// Kind is create, patch, delete or call.
	Kind string
	// Mock names the mock that a write is about. A creation gives it a name, which is never given again.
	Mock string
	// Value is what a write makes the mock answer, which no other write does, or what a call was answered with; empty for none.
	Value string
	// Outcome of a write: done, refused (creation: the route is taken; else: there is no such mock), or unknown. A call that was
	// refused is not part of a history.
	Outcome string
	Call    int64
	Return  int64
}

// mock is what a route holds.
type mock struct{ name, value string }

// fits tells whether an operation can have been told what it was, where a route holds this.
func (operation *Operation) fits(now mock) bool {
	accepted := now.name == operation.Mock
	switch operation.Kind {
	case "call":
		return now.value == operation.Value
	case "create":
		accepted = now == mock{}
	}
	return accepted != (operation.Outcome == "refused")
}

// moment is what porcupine takes for an operation.
//
// It has to find when each write took effect. What changes nothing, calls and refusals, only has to fit what the route holds at some
// time between two moments whose order with all others is known. To leave such choices to porcupine would make it try all
// subsets of those that overlap: 30 refusals at once are too many.
type moment int

const (
	takesEffect moment = iota
	asked
	told
	// After all others. What nobody was told the outcome of, and what had no effect before, has none.
	end
)

// state is that of a route between two moments.
type state struct {
	mock
	// What was asked and has not fitted so far, in the order in which it was asked.
	waiting []*Operation
	isOver  bool
}

var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(now, operation, moment any) (bool, any) {
		return step(now.(state), operation.(*Operation), moment)
	},
	Equal: func(one, other any) bool {
		a, b := one.(state), other.(state)
		return a.mock == b.mock && a.isOver == b.isOver && slices.Equal(a.waiting, b.waiting)
	},
}

// step tells whether what is said to come next can, and what the route is like afterwards.
func step(now state, operation *Operation, moment any) (bool, state) {
	switch moment {
	case asked:
		if !operation.fits(now.mock) {
			now.waiting = append(slices.Clip(now.waiting), operation)
		}
		return true, now
	case told:
		return !slices.Contains(now.waiting, operation), now
	case end:
		now.isOver = true
		return true, now
	}
	if now.isOver || !operation.fits(now.mock) {
		return now.isOver, now
	}
	now.mock = mock{}
	if operation.Kind != "delete" {
		now.mock = mock{operation.Mock, operation.Value}
	}
	fits := func(operation *Operation) bool { return operation.fits(now.mock) }
	now.waiting = slices.DeleteFunc(slices.Clone(now.waiting), fits)
	return true, now
}

// moments of a route, from what clients did there.
func moments(route []*Operation) []porcupine.Operation {
	all := []porcupine.Operation{{Input: &Operation{}, Output: end, Call: math.MaxInt64 - 1, Return: math.MaxInt64 - 1}}
	add := func(operation *Operation, moment moment, from, to int64) {
		all = append(all, porcupine.Operation{Input: operation, Output: moment, Call: from, Return: to})
	}
	for _, operation := range route {
		switch {
		case operation.Outcome == "unknown":
			latest := latest(operation, route)
			// A change that no call has shown makes no difference to anybody, as a mock's name stays what it is: whatever order is
			// possible with it is possible without it.
			if operation.Kind != "patch" || latest < math.MaxInt64 {
				add(operation, takesEffect, operation.Call, latest)
			}
		case operation.Kind == "call", operation.Outcome == "refused":
			add(operation, asked, operation.Call, operation.Call)
			add(operation, told, operation.Return, operation.Return)
		default:
			add(operation, takesEffect, operation.Call, operation.Return)
		}
	}
	return all
}

// latest is when a write that nobody was told the outcome of has taken effect at the latest: when an answer has shown it. Else it may at any time.
func latest(write *Operation, route []*Operation) int64 {
	latest := int64(math.MaxInt64)
	for _, other := range route {
		isCalled := other.Kind == "call" && other.Value == write.Value && write.Kind != "delete"
		isChanged := other.Kind != "call" && other.Mock == write.Mock && other.Outcome == "done" && write.Kind == "create"
		if isCalled || isChanged {
			latest = min(latest, max(other.Return, write.Call))
		}
	}
	return latest
}

// check judges all routes, at once. One that is wrong is worse than one that is not decided.
func check(history History) string {
	routes := map[string][]*Operation{}
	for _, operation := range history.Operations {
		routes[operation.Route] = append(routes[operation.Route], operation)
	}
	type verdict struct {
		route  string
		result porcupine.CheckResult
	}
	verdicts := make(chan verdict)
	for name, route := range routes {
		go func() { verdicts <- verdict{name, porcupine.CheckOperationsTimeout(model, moments(route), patience)} }()
	}
	result := "ok"
	for range routes {
		switch verdict := <-verdicts; verdict.result {
		case porcupine.Illegal:
			result = fmt.Sprintf("not linearizable: %s %s", history.Name, verdict.route)
		case porcupine.Unknown:
			if result == "ok" {
				result = fmt.Sprintf("not decided in %s: %s %s", patience, history.Name, verdict.route)
			}
		}
	}
	return result
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	exit := 0
	for decoder := json.NewDecoder(lines); decoder.More(); {
		var history History
		if err := decoder.Decode(&history); err != nil {
			fmt.Fprintln(os.Stderr, "this is no history:", err)
			os.Exit(2)
		}
		result := check(history)
		if result != "ok" {
			exit = 1
		}
		fmt.Println(result)
	}
	os.Exit(exit)
}
