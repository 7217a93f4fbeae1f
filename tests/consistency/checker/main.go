// Checks histories of Echo for linearizability with porcupine: route by route, or all routes as one if mocks move
// between routes.
//
// Reads a line of JSON for each history (see History) from standard input. Prints a line for each: `ok`, or the fault.
// Exits with 0 if all histories are linearizable.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Much longer than the longest check so far. An undecided history counts as wrong: wrong histories take longest,
// because porcupine tries every order.
const patience = 2 * time.Minute

// History is the operations of clients, and their responses.
type History struct {
	Name       string
	Operations []*Operation
}

// Operation is one request. Times are from one clock; only their order counts.
type Operation struct {
	Client int
	// Route is verb and path of the called or created mock, or the target of a move. Without moves, routes are
	// independent, and each operation names its own route.
	Route string
	// Kind is create, patch, move, renew, delete or call. To renew is to delete a mock and to create another one in one
	// write. The value is the name of the new mock.
	Kind string
	// Mock names the mock of a write. A creation chooses a new, unique name.
	Mock string
	// Value is the mock's response after a write, unique to the write, or the response to a call; empty for none.
	Value string
	// Outcome of a write: done, refused or unknown. Reasons of refusals: the route is taken (create, move, renew), or the
	// mock does not exist (all but create). Refused calls are not part of a history.
	Outcome string
	Call    int64
	Return  int64
}

// mock is the content of a route.
type mock struct{ route, name, value string }

// held returns the mock on a route, and the mock with a name; each is empty if none exists.
func held(mocks []mock, route, name string) (there, named mock) {
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

// fits reports if these mocks allow the operation's response.
func (operation *Operation) fits(mocks []mock) bool {
	there, named := held(mocks, operation.Route, operation.Mock)
	accepted := named != mock{}
	switch operation.Kind {
	case "call":
		return there.value == operation.Value
	case "create":
		accepted = there == mock{}
	case "move", "renew":
		accepted = accepted && (there == mock{} || there == named)
	}
	return accepted != (operation.Outcome == "refused")
}

// after returns the mocks after a write, sorted by route.
func (operation *Operation) after(mocks []mock) []mock {
	_, named := held(mocks, "", operation.Mock)
	changed := mock{operation.Route, operation.Mock, operation.Value}
	switch operation.Kind {
	case "patch":
		changed.route = named.route
	case "renew":
		changed.name = operation.Value
	}
	mocks = slices.DeleteFunc(slices.Clone(mocks), func(mock mock) bool { return mock == named })
	if operation.Kind == "delete" {
		return mocks
	}
	at, _ := slices.BinarySearchFunc(mocks, changed, func(one, other mock) int { return strings.Compare(one.route, other.route) })
	return slices.Insert(mocks, at, changed)
}

// moment is an operation for porcupine.
//
// porcupine must find the moment when each write takes effect. Calls and refusals change nothing: they only have to fit
// the routes at some time between two moments (asked, told) with a known order. If porcupine chose that time, it would
// try all subsets of overlapping operations: 30 concurrent refusals are too many.
type moment int

const (
	takesEffect moment = iota
	asked
	told
	// After all other moments. A write with an unknown outcome that has not taken effect before end never does.
	end
)

// state is the state of the routes between two moments.
type state struct {
	mocks []mock
	// Operations that were asked and have not fitted so far, in the order of their requests.
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
		return a.isOver == b.isOver && slices.Equal(a.mocks, b.mocks) && slices.Equal(a.waiting, b.waiting)
	},
}

// step reports if the moment can come next, and returns the new state.
func step(now state, operation *Operation, moment any) (bool, state) {
	switch moment {
	case asked:
		if !operation.fits(now.mocks) {
			now.waiting = append(slices.Clip(now.waiting), operation)
		}
		return true, now
	case told:
		return !slices.Contains(now.waiting, operation), now
	case end:
		now.isOver = true
		return true, now
	}
	if now.isOver || !operation.fits(now.mocks) {
		return now.isOver, now
	}
	now.mocks = operation.after(now.mocks)
	fits := func(operation *Operation) bool { return operation.fits(now.mocks) }
	now.waiting = slices.DeleteFunc(slices.Clone(now.waiting), fits)
	return true, now
}

// moments returns the moments of a part of a history.
func moments(part []*Operation) []porcupine.Operation {
	all := []porcupine.Operation{{Input: &Operation{}, Output: end, Call: math.MaxInt64 - 1, Return: math.MaxInt64 - 1}}
	add := func(operation *Operation, moment moment, from, to int64) {
		all = append(all, porcupine.Operation{Input: operation, Output: moment, Call: from, Return: to})
	}
	for _, operation := range part {
		switch {
		case operation.Outcome == "unknown":
			latest := latest(operation, part)
			// A patch whose value no call has shown affects no result, because the mock keeps its name and route: each order
			// with the patch is also possible without it.
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

// latest returns the latest time at which a write with an unknown outcome took effect: the return of a response that
// shows it. Without such a response, any time is possible.
func latest(write *Operation, part []*Operation) int64 {
	latest := int64(math.MaxInt64)
	for _, other := range part {
		isCalled := other.Kind == "call" && other.Value == write.Value && write.Kind != "delete"
		made := map[string]string{"create": write.Mock, "renew": write.Value}[write.Kind]
		isChanged := other.Kind != "call" && made != "" && other.Mock == made && other.Outcome == "done"
		if isCalled || isChanged {
			latest = min(latest, max(other.Return, write.Call))
		}
	}
	return latest
}

// check judges all parts concurrently. A wrong part outranks an undecided one.
func check(history History) string {
	parts := map[string][]*Operation{}
	isMove := func(operation *Operation) bool { return operation.Kind == "move" || operation.Kind == "renew" }
	moves := slices.ContainsFunc(history.Operations, isMove)
	for _, operation := range history.Operations {
		part := operation.Route
		if moves {
			part = "all routes"
		}
		parts[part] = append(parts[part], operation)
	}
	type verdict struct {
		part   string
		result porcupine.CheckResult
	}
	verdicts := make(chan verdict)
	for name, part := range parts {
		go func() { verdicts <- verdict{name, porcupine.CheckOperationsTimeout(model, moments(part), patience)} }()
	}
	result := "ok"
	for range parts {
		switch verdict := <-verdicts; verdict.result {
		case porcupine.Illegal:
			result = fmt.Sprintf("not linearizable: %s %s", history.Name, verdict.part)
		case porcupine.Unknown:
			if result == "ok" {
				result = fmt.Sprintf("not decided in %s: %s %s", patience, history.Name, verdict.part)
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
			fmt.Fprintln(os.Stderr, "not a history:", err)
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
