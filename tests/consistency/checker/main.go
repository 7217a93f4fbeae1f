// Checks histories of Echo for linearizability, with porcupine: route by route, or, where mocks move from one to another, all
// routes as one.
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
	"strings"
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
	// Route is verb and path: of what is called or made, or where a mock moves to. Where none moves, the histories of two routes have
	// nothing to do with each other, and each operation names its own.
	Route string
	// Kind is create, patch, move, delete or call.
	Kind string
	// Mock names the mock that a write is about. A creation gives it a name, which is never given again.
	Mock string
	// Value is what a write makes the mock answer, which no other write does, or what a call was answered with; empty for none.
	Value string
	// Outcome of a write: done, refused (creation: the route is taken; move: that, or there is no such mock; else: there is no such
	// mock), or unknown. A call that was refused is not part of a history.
	Outcome string
	Call    int64
	Return  int64
}

// mock is what a route holds.
type mock struct{ route, name, value string }

// held is the mock on a route, and the mock of a name: each is empty if there is none.
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

// fits tells whether an operation can have been told what it was, where there are these mocks.
func (operation *Operation) fits(mocks []mock) bool {
	there, named := held(mocks, operation.Route, operation.Mock)
	accepted := named != mock{}
	switch operation.Kind {
	case "call":
		return there.value == operation.Value
	case "create":
		accepted = there == mock{}
	case "move":
		accepted = accepted && (there == mock{} || there == named)
	}
	return accepted != (operation.Outcome == "refused")
}

// after tells which mocks there are after a write, in the order of their routes.
func (operation *Operation) after(mocks []mock) []mock {
	_, named := held(mocks, "", operation.Mock)
	changed := mock{operation.Route, operation.Mock, operation.Value}
	if operation.Kind == "patch" {
		changed.route = named.route
	}
	mocks = slices.DeleteFunc(slices.Clone(mocks), func(mock mock) bool { return mock == named })
	if operation.Kind == "delete" {
		return mocks
	}
	at, _ := slices.BinarySearchFunc(mocks, changed, func(one, other mock) int { return strings.Compare(one.route, other.route) })
	return slices.Insert(mocks, at, changed)
}

// moment is what porcupine takes for an operation.
//
// It has to find when each write took effect. What changes nothing, calls and refusals, only has to fit what the routes hold at some
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

// state is that of the routes between two moments.
type state struct {
	mocks []mock
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
		return a.isOver == b.isOver && slices.Equal(a.mocks, b.mocks) && slices.Equal(a.waiting, b.waiting)
	},
}

// step tells whether what is said to come next can, and what the routes are like afterwards.
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

// moments of a part of a history.
func moments(part []*Operation) []porcupine.Operation {
	all := []porcupine.Operation{{Input: &Operation{}, Output: end, Call: math.MaxInt64 - 1, Return: math.MaxInt64 - 1}}
	add := func(operation *Operation, moment moment, from, to int64) {
		all = append(all, porcupine.Operation{Input: operation, Output: moment, Call: from, Return: to})
	}
	for _, operation := range part {
		switch {
		case operation.Outcome == "unknown":
			latest := latest(operation, part)
			// A change that no call has shown makes no difference to anybody, as a mock's name and route stay what they are: whatever
			// order is possible with it is possible without it.
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
func latest(write *Operation, part []*Operation) int64 {
	latest := int64(math.MaxInt64)
	for _, other := range part {
		isCalled := other.Kind == "call" && other.Value == write.Value && write.Kind != "delete"
		isChanged := other.Kind != "call" && other.Mock == write.Mock && other.Outcome == "done" && write.Kind == "create"
		if isCalled || isChanged {
			latest = min(latest, max(other.Return, write.Call))
		}
	}
	return latest
}

// check judges all parts, at once. One that is wrong is worse than one that is not decided.
func check(history History) string {
	parts := map[string][]*Operation{}
	isMove := func(operation *Operation) bool { return operation.Kind == "move" }
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
